import type { BrowserContext, Request } from '@playwright/test';

/**
 * Everything that a browser complains about in a context: errors in the console (CSP violations are told there, too),
 * exceptions, requests that failed and answers from 400 on. A test fails with what it has not expected.
 */
export class Complaints {
  readonly all: string[] = [];
  #expected: RegExp[] = [];
  #outage = false;

  constructor(context: BrowserContext) {
    context.on('console', (message) => {
      if (message.type() === 'error') this.#add(`console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => this.#add(`exception: ${error.error().stack ?? error.error().message}`));
    context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? '';
      // Who leaves a page breaks off what it was asking for.
      if (reason !== 'net::ERR_ABORTED') this.#add(`failed: ${named(request)}: ${reason}`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) this.#add(`answer: ${named(response.request())}: ${response.status()}`);
    });
  }

  /** For what belongs to the test: a refused form, an order that is not there, a server that is away. */
  expect(...patterns: RegExp[]) {
    this.#expected.push(...patterns);
  }

  /** While a test takes the server away, whatever the browser says about that is expected. */
  beginOutage() {
    this.#outage = true;
  }

  endOutage() {
    this.#outage = false;
  }

  #add(complaint: string) {
    if (this.#outage && outage.test(complaint)) return;
    if (!this.#expected.some((pattern) => pattern.test(complaint))) this.all.push(complaint);
  }
}

function named(request: Request): string {
  return `${request.method()} ${new URL(request.url()).pathname}`;
}

const outage = /net::ERR_|WebSocket|Failed to load resource|answer: .*: 503$/;
