declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  export interface SwaggerInstance {
    preauthorizeApiKey(scheme: string, value: string): void;
    authActions: { logout(schemes: string[]): void };
  }
  /** Lists and maps of Immutable, as far as we use them. */
  export interface SchemeList {
    filter(test: (one: { some(test: (scheme: { get(name: string): unknown }) => boolean): boolean }) => boolean): SchemeList;
  }
  export default function SwaggerUI(options: Record<string, unknown>): SwaggerInstance;
}
