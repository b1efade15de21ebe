import { TOKEN_REFUSED, type ClientFrame, type ServerFrame, type Topic, type TopicEvent } from './liveFrames';

export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'polling' | 'offline';

/** What a subscription begins with, and begins again with after each lost line. */
export interface Snapshot<E> {
  version: number;
  events: E[];
  /** The events are the whole history, not what came after the version we named. */
  reset: boolean;
}

export interface TopicListener<E> {
  onSnapshot?(snapshot: Snapshot<E>): void;
  onEvent(event: E): void;
  /** The server could not keep up with a list: read it again. */
  onResync?(): void;
  /** Public tracking was switched off. */
  onGone?(): void;
  onError?(code: string): void;
  /** Reads the same thing over HTTP; called every few seconds while no socket can be had. Rejects when that fails too. */
  poll?(): Promise<unknown>;
}

export interface LiveOptions {
  url: string;
  /** Absent: nobody is signed in, only `track:` topics. `rejected` asks for another token than that one. */
  token?: (rejected?: string) => Promise<string | null>;
  openSocket?: (url: string) => WebSocket;
  random?: () => number;
}

interface Subscription {
  listeners: Set<TopicListener<never>>;
  after: number | undefined;
}

/** The server beats every 20 s; two that did not come, and some slack, mean that nobody is there. */
const SILENCE_LIMIT = 45_000;
const WATCH_INTERVAL = 5_000;
const CONNECT_LIMIT = 10_000;
const BACKOFF_BASE = 1_000;
const BACKOFF_CAP = 30_000;
/** A line that was up for this long was a good one: the next loss starts the backoff from the beginning. */
const PROVEN_AFTER = 5_000;
const FAILURES_BEFORE_POLLING = 3;
const POLL_INTERVAL = 5_000;
const REAUTHENTICATE_BEFORE_EXPIRY = 30_000;
const REAUTHENTICATE_MIN = 15_000;
const REAUTHENTICATE_MAX = 8 * 60_000;
/** The server could not begin a subscription just now, has forgotten it, and asks to be asked again in a moment. */
const PASSING_REFUSALS = ['database_unavailable', 'internal'];
const SUBSCRIBE_AGAIN_MIN = 2_000;
const SUBSCRIBE_AGAIN_MAX = 5_000;

/**
 * The one socket of an app. It keeps its subscriptions through every loss of the line, and resumes each after the
 * version it had got to, so listeners see every event exactly once and in order.
 */
export class Live {
  #status: LiveStatus = 'connecting';
  #statusListeners = new Set<() => void>();
  #subscriptions = new Map<Topic, Subscription>();
  #socket: WebSocket | null = null;
  #ready = false;
  #running = false;
  #failures = 0;
  #readySince = 0;
  #heardAt = 0;
  #sentToken: string | undefined;
  #tokenRejected = false;
  /** Grows with each attempt and each stop, so that what an older one was waiting for is dropped when it comes. */
  #attempt = 0;
  #timers: Partial<Record<'connect' | 'retry' | 'watch' | 'poll' | 'authenticate', ReturnType<typeof setTimeout>>> = {};

  constructor(private readonly options: LiveOptions) {}

  readonly getStatus = () => this.#status;

  readonly onStatus = (listener: () => void) => {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  };

  start() {
    if (this.#running) return;
    this.#running = true;
    globalThis.addEventListener?.('online', this.#onOnline);
    globalThis.addEventListener?.('offline', this.#onOffline);
    if (isOffline()) this.#setStatus('offline');
    void this.#connect();
  }

  stop() {
    this.#running = false;
    this.#failures = 0;
    globalThis.removeEventListener?.('online', this.#onOnline);
    globalThis.removeEventListener?.('offline', this.#onOffline);
    this.#drop();
    this.#setStatus('connecting');
  }

  /**
   * `after` is the version that the listener already has. A second listener of a topic shares the first one's
   * subscription and gets no snapshot of its own.
   */
  subscribe<T extends Topic>(topic: T, listener: TopicListener<TopicEvent<T>>, after?: number): () => void {
    let subscription = this.#subscriptions.get(topic);
    if (!subscription) {
      subscription = { listeners: new Set(), after };
      this.#subscriptions.set(topic, subscription);
      if (this.#ready) this.#sendSubscribe(topic, subscription);
    }
    const { listeners } = subscription;
    listeners.add(listener as TopicListener<never>);
    return () => {
      listeners.delete(listener as TopicListener<never>);
      if (listeners.size > 0 || this.#subscriptions.get(topic)?.listeners !== listeners) return;
      this.#subscriptions.delete(topic);
      if (this.#ready) this.#send({ type: 'unsubscribe', topic });
    };
  }

  async #connect() {
    const attempt = ++this.#attempt;
    let token: string | null = null;
    if (this.options.token) {
      token = await this.options.token(this.#tokenRejected ? this.#sentToken : undefined).catch(() => null);
      if (attempt !== this.#attempt) return;
      if (token === null) return this.#lost();
    }

    const open = this.options.openSocket ?? ((url: string) => new WebSocket(url));
    let socket: WebSocket;
    try {
      socket = open(this.options.url);
    } catch {
      return this.#lost();
    }
    this.#socket = socket;
    this.#timers.connect = setTimeout(() => this.#lost(), CONNECT_LIMIT);
    socket.onopen = () => {
      if (token === null) return this.#becomeReady();
      this.#sentToken = token;
      this.#send({ type: 'authenticate', token });
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  #becomeReady() {
    clearTimeout(this.#timers.connect);
    clearTimeout(this.#timers.poll);
    this.#ready = true;
    this.#tokenRejected = false;
    this.#readySince = this.#heardAt = Date.now();
    this.#timers.watch = setInterval(() => {
      if (Date.now() - this.#heardAt > SILENCE_LIMIT) this.#lost();
    }, WATCH_INTERVAL);
    this.#setStatus('live');
    for (const [topic, subscription] of this.#subscriptions) this.#sendSubscribe(topic, subscription);
  }

  #receive(data: unknown) {
    this.#heardAt = Date.now();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(data)) as ServerFrame;
    } catch {
      return;
    }
    if (frame.type === 'authenticated') {
      this.#authenticateAgain(frame.expires_at);
      if (!this.#ready) this.#becomeReady();
      return;
    }
    if (!('topic' in frame) || !frame.topic) return;
    const subscription = this.#subscriptions.get(frame.topic);
    if (!subscription) return;
    this.#deliver(frame, subscription);
  }

  #deliver(frame: Exclude<ServerFrame, { type: 'authenticated' | 'heartbeat' }>, subscription: Subscription) {
    const tell = (act: (listener: TopicListener<unknown>) => void) => {
      for (const listener of [...subscription.listeners]) act(listener as TopicListener<unknown>);
    };
    switch (frame.type) {
      case 'subscribed': {
        const { version = 0, events = [], reset = false } = frame;
        // `version` is the newest there is; a long history comes in parts, and of those only the first is here.
        if (frame.topic !== 'orders') subscription.after = events.at(-1)?.version ?? version;
        return tell((listener) => listener.onSnapshot?.({ version, events, reset }));
      }
      case 'event':
        if (frame.topic !== 'orders') subscription.after = frame.event.version;
        return tell((listener) => listener.onEvent(frame.event));
      case 'resync':
        return tell((listener) => listener.onResync?.());
      case 'gone':
        return tell((listener) => listener.onGone?.());
      case 'error':
        if (frame.topic && PASSING_REFUSALS.includes(frame.code)) this.#subscribeAgain(frame.topic, subscription);
        return tell((listener) => listener.onError?.(frame.code));
    }
  }

  #subscribeAgain(topic: Topic, subscription: Subscription) {
    const attempt = this.#attempt;
    const random = this.options.random ?? Math.random;
    const wait = SUBSCRIBE_AGAIN_MIN + random() * (SUBSCRIBE_AGAIN_MAX - SUBSCRIBE_AGAIN_MIN);
    setTimeout(() => {
      // Another socket has subscribed to everything anew.
      if (attempt !== this.#attempt || this.#subscriptions.get(topic) !== subscription) return;
      this.#sendSubscribe(topic, subscription);
    }, wait);
  }

  /** The server's clock may differ from ours, so what it says is only believed within reason. */
  #authenticateAgain(expiresAt: string) {
    clearTimeout(this.#timers.authenticate);
    const left = Date.parse(expiresAt) - Date.now() - REAUTHENTICATE_BEFORE_EXPIRY;
    const wait = Math.min(Math.max(Number.isFinite(left) ? left : 0, REAUTHENTICATE_MIN), REAUTHENTICATE_MAX);
    const attempt = this.#attempt;
    this.#timers.authenticate = setTimeout(async () => {
      const token = await this.options.token?.(this.#sentToken).catch(() => null);
      if (!token || attempt !== this.#attempt || !this.#ready) return;
      this.#sentToken = token;
      this.#send({ type: 'authenticate', token });
    }, wait);
  }

  #lost(code?: number) {
    if (!this.#running) return;
    const proven = this.#ready && Date.now() - this.#readySince >= PROVEN_AFTER;
    this.#failures = proven ? 0 : this.#failures + 1;
    if (code === TOKEN_REFUSED) this.#tokenRejected = true;
    this.#drop();
    const isStarting = this.#status === 'connecting' && !isOffline();
    if (this.#status !== 'polling' && !isStarting) this.#setStatus(this.#notReached());
    if (this.#failures >= FAILURES_BEFORE_POLLING) this.#pollSoon(0);
    const random = this.options.random ?? Math.random;
    const wait = random() * Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#failures);
    this.#timers.retry = setTimeout(() => void this.#connect(), wait);
  }

  /** Closes without waiting for the other side: a dead line would never answer. */
  #drop() {
    this.#attempt++;
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    clearTimeout(this.#timers.connect);
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.authenticate);
    clearInterval(this.#timers.watch);
    if (!this.#running) clearTimeout(this.#timers.poll);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #pollSoon(wait: number) {
    clearTimeout(this.#timers.poll);
    this.#timers.poll = setTimeout(() => void this.#poll(), wait);
  }

  async #poll() {
    const polls = [...this.#subscriptions.values()].flatMap(({ listeners }) =>
      [...listeners].flatMap((listener) => (listener.poll ? [listener.poll()] : [])),
    );
    const results = await Promise.allSettled(polls);
    if (this.#ready || !this.#running) return;
    const reached = results.some(({ status }) => status === 'fulfilled');
    this.#setStatus(reached ? 'polling' : this.#notReached());
    this.#pollSoon(POLL_INTERVAL);
  }

  /** A device without network may still have a server of its own, so "offline" names the cause and stops nothing. */
  #notReached(): LiveStatus {
    return isOffline() ? 'offline' : 'reconnecting';
  }

  #sendSubscribe(topic: Topic, { after }: Subscription) {
    this.#send({ type: 'subscribe', topic, ...(topic === 'orders' || after === undefined ? {} : { after }) });
  }

  #send(frame: ClientFrame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #setStatus(status: LiveStatus) {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) listener();
  }

  readonly #onOnline = () => {
    this.#failures = 0;
    clearTimeout(this.#timers.poll);
    this.#drop();
    this.#setStatus('reconnecting');
    void this.#connect();
  };

  readonly #onOffline = () => {
    this.#lost();
    this.#setStatus('offline');
  };
}

/** The live address of the server that served this page. */
export function liveUrl(location: Location = globalThis.location): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`;
}

function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
