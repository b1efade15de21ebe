import http from 'node:http';
import type { AddressInfo } from 'node:net';

interface Message {
  id: string;
  type: string;
}

/** Somebody's server that webhooks lead to, on this machine: the tests' servers allow that (WEBHOOK_ALLOW). */
export class Receiver {
  readonly messages: Message[] = [];
  /** What it answers with. */
  status = 200;

  private constructor(private readonly server: http.Server) {}

  static async start(): Promise<Receiver> {
    const server = http.createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        const { type } = JSON.parse(body) as { type: string };
        receiver.messages.push({ id: String(request.headers['webhook-id']), type });
        response.writeHead(receiver.status, { 'Content-Type': 'text/plain' });
        response.end(receiver.status === 200 ? 'Thank you' : 'Not today');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/webhooks`;
  }

  types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
