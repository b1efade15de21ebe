import { defineConfig } from '@hey-api/openapi-ts';

export default defineConfig({
  input: '../openapi.yaml',
  output: { path: 'shared/api/generated', clean: true },
  logs: { level: 'warn', file: false },
  plugins: [
    { name: '@hey-api/client-fetch', runtimeConfigPath: '../clientConfig' },
    '@hey-api/typescript',
    '@hey-api/sdk',
    { name: '@tanstack/react-query', infiniteQueryOptions: true, queryOptions: true, mutationOptions: true },
    { name: 'zod', compatibilityVersion: 'mini', requests: true, responses: false, definitions: true },
  ],
});
