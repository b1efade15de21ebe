import type { CreateClientConfig } from './generated/client.gen';

/** The apps are served by the server that answers them, so every address is relative to the page's origin. */
export const createClientConfig: CreateClientConfig = (config) => ({ ...config, baseUrl: '' });
