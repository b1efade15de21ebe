import type { Server } from './server';

export interface Credentials {
  name: string;
  email: string;
  password: string;
}

let people = 0;

/** Two people of one test may have the same name; emails differ. */
export function someone(name: string): Credentials {
  const email = `${name.toLowerCase().replace(/\W+/g, '.')}.${process.pid}.${++people}@example.com`;
  return { name, email, password: 'correct horse' };
}

/** What a test needs to be there, without a browser: an account that speaks to the API. */
export class Account {
  private constructor(
    private readonly url: string,
    readonly credentials: Credentials,
    private readonly token: string,
  ) {}

  static async user(server: Server, name = 'Uma Rao'): Promise<Account> {
    const credentials = someone(name);
    const { access_token } = await call<SignedIn>(server.url, 'POST', '/users', credentials);
    return new Account(server.url, credentials, access_token);
  }

  static async mover(server: Server, { name = 'Max Stone', admin = false } = {}): Promise<Account> {
    const credentials = someone(name);
    const invitation = (await server.invite({ admin })).split('#')[1];
    const { access_token } = await call<SignedIn>(server.url, 'POST', '/movers', { ...credentials, invitation });
    return new Account(server.url, credentials, access_token);
  }

  /** A program that has an API key instead of an account. */
  static program(server: Server, key: string): Account {
    return new Account(server.url, { name: 'A program', email: '', password: '' }, key);
  }

  /** The same account through another replica. */
  at(server: Server): Account {
    return new Account(server.url, this.credentials, this.token);
  }

  /** Answers with the order's ID. */
  async create(order: string | NewOrder): Promise<string> {
    const body = typeof order === 'string' ? { title: order } : order;
    return (await this.#call<{ id: string }>('POST', '/orders', body)).id;
  }

  /** Answers with the key. */
  async makeKey(key: { name: string; scopes: string[] }): Promise<string> {
    return (await this.#call<{ key: string }>('POST', '/api-keys', key)).key;
  }

  /** Answers with its ID. */
  async addWebhook(webhook: { url: string; event_types?: string[]; description?: string }): Promise<string> {
    return (await this.#call<{ id: string }>('POST', '/webhooks', webhook)).id;
  }

  async list(): Promise<{ title: string; [field: string]: unknown }[]> {
    return (await this.#call<{ data: { title: string }[] }>('GET', '/orders?limit=100')).data;
  }

  async count(): Promise<number> {
    return (await this.#call<{ total: number }>('GET', '/orders/counts')).total;
  }

  async move(orderId: string, status: string, details: object = {}) {
    await this.tell(orderId, { status, ...details });
  }

  async tell(orderId: string, event: object) {
    await this.#call('POST', `/orders/${orderId}/events`, event);
  }

  async take(orderId: string) {
    await this.#call('PUT', `/orders/${orderId}/assignee`, {});
  }

  async change(orderId: string, details: object) {
    await this.#call('PATCH', `/orders/${orderId}`, details);
  }

  #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return call<T>(this.url, method, path, body, this.token);
  }
}

export interface NewOrder {
  title: string;
  [field: string]: unknown;
}

interface SignedIn {
  access_token: string;
}

async function call<T>(url: string, method: string, path: string, body?: unknown, token?: string): Promise<T> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
