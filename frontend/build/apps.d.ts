export interface App { name: string; base: string; port: number }
export const frontend: string;
export const apps: App[];
export const alias: Record<string, string>;
export function viteConfig(app: App): Record<string, unknown>;
