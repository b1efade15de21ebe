// Makes an API key and prints it: EMAIL=… PASSWORD=… node --import tsx get_api_key.ts NAME SCOPE...
//
// Log in as a person once, keep the key where you keep secrets, and give it to the programs. It is shown only now.
import { call, setting } from './order_tracker.ts';

const [name, ...scopes] = process.argv.slice(2);
const credentials = { email: setting('EMAIL'), password: setting('PASSWORD') };
// Movers: /movers/sessions
const session = await call<{ access_token: string }>('POST', '/users/sessions', { body: credentials });
const made = await call<{ key: string }>('POST', '/api-keys', { token: session.access_token, body: { name, scopes } });
console.log(made.key);
