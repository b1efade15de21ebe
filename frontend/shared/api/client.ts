import { client } from './generated/client.gen';
import { toError } from './problem';

/** What the client needs to know about who is signed in; the auth store is one. */
export interface TokenSource {
  /** A token that is good now; a new one when `rejected` is the one we hold. Null: nobody is signed in. */
  token(rejected?: string): Promise<string | null>;
}

/** Connects the generated client to the account that is signed in. Called once, by each app's main.tsx. */
export function connectClient(source: TokenSource) {
  client.setConfig({
    auth: async () => (await source.token()) ?? undefined,
    fetch: (input, init) => sendWithFreshToken(source, new Request(input, init)),
  });
}

client.interceptors.error.use((error, response) => toError(error, response));

/** A token may expire, or its session be renewed elsewhere, between two requests: on 401 try once more with a new one. */
async function sendWithFreshToken(source: TokenSource, request: Request): Promise<Response> {
  const header = request.headers.get('Authorization');
  if (!header) return fetch(request);

  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401) return response;

  const fresh = await source.token(header.replace('Bearer ', ''));
  if (!fresh) return response;
  again.headers.set('Authorization', `Bearer ${fresh}`);
  return fetch(again);
}

export { client };
