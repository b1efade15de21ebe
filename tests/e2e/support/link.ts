import net, { type AddressInfo } from 'node:net';

/**
 * The network between browsers and the server, down to TCP: what a cut cable, a router that has forgotten its connections, or
 * a company's proxy does to it, none of which the server or the browser is told.
 */
export class Link {
  #pairs = new Set<Pair>();
  /** What was opened while nothing got through. */
  #waiting: net.Socket[] = [];
  #isStalled = false;
  #refusesSockets = false;

  private constructor(
    private readonly listener: net.Server,
    private readonly serverPort: number,
  ) {}

  static async to(serverPort: number): Promise<Link> {
    const listener = net.createServer((browser) => link.#take(browser));
    const link = new Link(listener, serverPort);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get url(): string {
    return `http://localhost:${(this.listener.address() as AddressInfo).port}`;
  }

  /**
   * As after a sleep: sockets are dead, and look open to both sides. Of connections that wait for the next request Chromium
   * gives up itself when the machine is suspended. What is opened from now on gets through.
   */
  forgetsConnections() {
    for (const pair of this.#pairs) {
      if (pair.isSocket) pair.isDead = true;
      else pair.destroy();
    }
  }

  /** Nothing gets through any more, in either direction, and nobody is told. */
  stalls() {
    this.#isStalled = true;
    for (const pair of this.#pairs) pair.pause();
  }

  goesOn() {
    this.#isStalled = false;
    for (const pair of this.#pairs) pair.resume();
    for (const browser of this.#waiting.splice(0)) this.#take(browser);
  }

  /** As a proxy that knows nothing of WebSockets: those that are open end, and others are answered with 403. */
  blocksSockets() {
    this.#refusesSockets = true;
    for (const pair of this.#pairs) if (pair.isSocket) pair.destroy();
  }

  letsSocketsThrough() {
    this.#refusesSockets = false;
  }

  async close() {
    for (const pair of this.#pairs) pair.destroy();
    for (const browser of this.#waiting) browser.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  #take(browser: net.Socket) {
    if (this.#isStalled) {
      // The server must not see it and wait for a request.
      browser.on('error', () => {});
      this.#waiting.push(browser);
      return;
    }
    if (browser.destroyed) return;
    const pair = new Pair(browser, net.connect(this.serverPort, '127.0.0.1'), () => this.#refusesSockets);
    this.#pairs.add(pair);
    browser.once('close', () => this.#pairs.delete(pair));
  }
}

/** One connection of a browser, and the one to the server that continues it. */
class Pair {
  isDead = false;
  isSocket = false;

  constructor(
    private readonly browser: net.Socket,
    private readonly server: net.Socket,
    private readonly refusesSockets: () => boolean,
  ) {
    browser.on('data', (data) => this.#fromBrowser(data));
    server.on('data', (data) => this.#pass(data, browser));
    for (const [one, other] of [[browser, server], [server, browser]] as const) {
      one.on('error', () => {});
      one.on('close', () => {
        if (!this.isDead) other.destroy();
      });
    }
  }

  pause() {
    this.browser.pause();
    this.server.pause();
  }

  resume() {
    this.browser.resume();
    this.server.resume();
  }

  destroy() {
    this.browser.destroy();
    this.server.destroy();
  }

  #fromBrowser(data: Buffer) {
    // A handshake comes in one piece, and first on its connection.
    this.isSocket ||= /^GET .*\r\nupgrade: websocket\r\n/is.test(data.toString('latin1'));
    if (this.isSocket && this.refusesSockets()) {
      this.browser.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#pass(data, this.server);
  }

  #pass(data: Buffer, to: net.Socket) {
    if (!this.isDead) to.write(data);
  }
}
