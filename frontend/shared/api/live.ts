import { ARE_YOU_THERE, BEYOND_ALL, RESTORED, TOKEN_REFUSED, isAfterGap, type ClientFrame, type ServerFrame, type Topic, type TopicEvent } from './liveFrames';
import { Poller, probe } from './poller';
import { isOffline, onWake } from './wake';

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
  /**
   * Reads the same thing over HTTP; called every few seconds while no socket can be had. Rejects when that fails too, and
   * when `signal` says that it takes too long. Gives false when there was nothing to ask for.
   */
  poll?(signal: AbortSignal): Promise<unknown>;
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

type TimerName = 'connect' | 'retry' | 'watch' | 'answer';

/** The server beats every 20 s; two that did not come, and some slack, mean that nobody is there. */
const SILENCE_LIMIT = 45_000;
const WATCH_INTERVAL = 5_000;
/** From asking for a token to the server's first word: there are proxies that open a socket and let nothing through. */
const CONNECT_LIMIT = 10_000;
/** Who wakes up does not wait for a second beat that is missing. */
const SILENCE_LIMIT_AWAKE = 25_000;
/** How long a line that looks open may take to show it, when the page wakes up: half of the 2 s in which it has to be right. */
const ANSWER_LIMIT = 1_000;
/** An attempt that was begun so recently is none from before the sleep. */
const FRESH_ATTEMPT = 2_000;
/** Who wakes up where sockets are blocked, or in no hurry to open, reads meanwhile. */
const POLL_AFTER_WAKE = 1_000;
const BACKOFF_BASE = 1_000;
const BACKOFF_CAP = 30_000;
/** A line that was up for this long was a good one: the next loss starts the backoff from the beginning. */
const PROVEN_AFTER = 5_000;
const FAILURES_BEFORE_POLLING = 3;
const REAUTHENTICATE_BEFORE_EXPIRY = 30_000;
const REAUTHENTICATE_MIN = 15_000;
const REAUTHENTICATE_MAX = 8 * 60_000;
/** As in WebSocket.OPEN; tests have no WebSocket. */
const OPEN = 1;
/** The server could not begin a subscription just now, has forgotten it, and asks to be asked again in a moment. */
const PASSING_REFUSALS = ['database_unavailable', 'internal'];
const SUBSCRIBE_AGAIN_MIN = 2_000;
const SUBSCRIBE_AGAIN_MAX = 5_000;

/**
 * The one socket of an app. It keeps its subscriptions through every loss of the line, and resumes each after the
 * version it had got to, so listeners see every event exactly once and in order. When the page wakes up, it trusts no
 * line that does not answer at once.
 */
export class Live {
  #status: LiveStatus = 'connecting';
  #statusListeners = new Set<() => void>();
  #subscriptions = new Map<Topic, Subscription>();
  /** How many `unsubscribe` have not been answered: what comes before that belongs to the subscription of before. */
  #leaving = new Map<Topic, number>();
  #socket: WebSocket | null = null;
  /** Subscriptions can be sent. */
  #ready = false;
  #running = false;
  #failures = 0;
  #attemptedAt = 0;
  #liveSince = 0;
  #heardAt = 0;
  #sentToken: string | undefined;
  #tokenRejected = false;
  #authenticateAt = Infinity;
  #stopWaking = () => {};
  /** Grows with each attempt and each stop, so that what an older one was waiting for is dropped when it comes. */
  #attempt = 0;
  #timers: Partial<Record<TimerName, ReturnType<typeof setTimeout>>> = {};

  readonly #poller = new Poller(
    (signal) => this.#poll(signal),
    (reached) => this.#setStatus(reached ? 'polling' : this.#notReached()),
  );

  constructor(private readonly options: LiveOptions) {}

  readonly getStatus = () => this.#status;

  readonly onStatus = (listener: () => void) => {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  };

  start() {
    if (this.#running) return;
    this.#running = true;
    window.addEventListener('online', this.#startOver);
    window.addEventListener('offline', this.#onOffline);
    this.#stopWaking = onWake(this.#onWake);
    if (isOffline()) this.#setStatus('offline');
    void this.#connect();
  }

  stop() {
    this.#running = false;
    this.#failures = 0;
    window.removeEventListener('online', this.#startOver);
    window.removeEventListener('offline', this.#onOffline);
    this.#stopWaking();
    this.#poller.stop();
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
      if (this.#ready) this.#sendUnsubscribe(topic);
    };
  }

  async #connect() {
    const attempt = ++this.#attempt;
    this.#attemptedAt = Date.now();
    this.#timers.connect = setTimeout(() => this.#lost(), CONNECT_LIMIT);
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
    socket.onopen = () => {
      if (token === null) {
        this.#becomeReady();
        return this.#send(ARE_YOU_THERE);
      }
      this.#sentToken = token;
      this.#send({ type: 'authenticate', token });
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  #becomeReady() {
    this.#ready = true;
    this.#tokenRejected = false;
    for (const [topic, subscription] of this.#subscriptions) this.#sendSubscribe(topic, subscription);
  }

  #becomeLive() {
    clearTimeout(this.#timers.connect);
    this.#poller.stop();
    this.#liveSince = Date.now();
    this.#timers.watch = setInterval(this.#watch, WATCH_INTERVAL);
    this.#setStatus('live');
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
      this.#authenticateBefore(frame.expires_at);
      if (!this.#ready) this.#becomeReady();
    }
    if (this.#ready && this.#status !== 'live') this.#becomeLive();
    // The timer alone would not do: in a page that nobody looks at it may run once a minute.
    if (frame.type === 'heartbeat') return this.#watch();
    if (!('topic' in frame) || !frame.topic) return;
    if (frame.topic === ARE_YOU_THERE.topic) return this.#stopTimer('answer');
    const leaving = this.#leaving.get(frame.topic) ?? 0;
    // Either frame is the end of what was left.
    if (leaving > 0 && ['unsubscribed', 'error'].includes(frame.type)) this.#leaving.set(frame.topic, leaving - 1);
    if (leaving > 0 || frame.type === 'unsubscribed') return;
    const subscription = this.#subscriptions.get(frame.topic);
    if (subscription) this.#deliver(frame, subscription);
  }

  #deliver(frame: Exclude<ServerFrame, { type: 'authenticated' | 'heartbeat' | 'unsubscribed' }>, subscription: Subscription) {
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
        if (frame.topic !== 'orders') {
          const { after = 0 } = subscription;
          if (frame.event.version <= after) return;
          if (isAfterGap(frame.event, after)) return this.#catchUp(frame.topic, subscription);
          subscription.after = frame.event.version;
        }
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

  /** The server promises that nothing is missing between two events. If something is, all from there on is asked for again. */
  #catchUp(topic: Topic, subscription: Subscription) {
    this.#sendUnsubscribe(topic);
    this.#sendSubscribe(topic, subscription);
  }

  /** The server's clock may differ from ours, so what it says is only believed within reason. */
  #authenticateBefore(expiresAt: string) {
    const left = Date.parse(expiresAt) - Date.now() - REAUTHENTICATE_BEFORE_EXPIRY;
    const wait = Math.min(Math.max(Number.isFinite(left) ? left : 0, REAUTHENTICATE_MIN), REAUTHENTICATE_MAX);
    this.#authenticateAt = Date.now() + wait;
  }

  async #authenticateAgain() {
    const attempt = this.#attempt;
    this.#authenticateAt = Date.now() + REAUTHENTICATE_MIN;
    const token = await this.options.token?.(this.#sentToken).catch(() => null);
    if (!token || attempt !== this.#attempt) return;
    this.#sentToken = token;
    this.#send({ type: 'authenticate', token });
  }

  readonly #watch = () => {
    if (Date.now() - this.#heardAt > SILENCE_LIMIT) this.#lost();
    else if (Date.now() >= this.#authenticateAt) void this.#authenticateAgain();
  };

  #lost(code?: number) {
    if (!this.#running) return;
    const proven = this.#status === 'live' && Date.now() - this.#liveSince >= PROVEN_AFTER;
    this.#failures = proven ? 0 : this.#failures + 1;
    if (code === TOKEN_REFUSED) this.#tokenRejected = true;
    if (code === RESTORED) for (const subscription of this.#subscriptions.values()) subscription.after = BEYOND_ALL;
    this.#drop();
    const isStarting = this.#status === 'connecting' && !isOffline();
    if (this.#status !== 'polling' && !isStarting) this.#setStatus(this.#notReached());
    if (this.#failures >= FAILURES_BEFORE_POLLING && !this.#poller.isRunning) this.#poller.start(0);
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
    this.#leaving.clear();
    this.#authenticateAt = Infinity;
    for (const name of ['connect', 'retry', 'watch', 'answer'] as const) this.#stopTimer(name);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  async #poll(signal: AbortSignal) {
    const listeners = [...this.#subscriptions.values()].flatMap(({ listeners }) => [...listeners]);
    const polls = listeners.flatMap((listener) => (listener.poll ? [listener.poll(signal)] : []));
    const results = await Promise.allSettled(polls);
    if (results.some((result) => result.status === 'fulfilled' && result.value !== false)) return;
    if (results.some(({ status }) => status === 'rejected')) throw new Error('No answer');
    // Nothing here is followed, and still the page has to know whether somebody is there.
    await probe(this.options.url, signal);
  }

  /** A device without network may still have a server of its own, so "offline" names the cause and stops nothing. */
  #notReached(): LiveStatus {
    return isOffline() ? 'offline' : 'reconnecting';
  }

  #sendSubscribe(topic: Topic, { after }: Subscription) {
    this.#send({ type: 'subscribe', topic, ...(topic === 'orders' || after === undefined ? {} : { after }) });
  }

  #sendUnsubscribe(topic: Topic) {
    this.#leaving.set(topic, (this.#leaving.get(topic) ?? 0) + 1);
    this.#send({ type: 'unsubscribe', topic });
  }

  #send(frame: ClientFrame) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #setStatus(status: LiveStatus) {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) listener();
  }

  #stopTimer(name: TimerName) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = undefined;
  }

  /**
   * A line that was silent for longer than it should is given up, as is any after a sleep: what was sent meanwhile might
   * come a good while later. Any other is only asked whether somebody is there, since people change tabs often.
   */
  readonly #onWake = (slept: boolean) => {
    if (this.#status === 'live') {
      const isOpen = this.#socket?.readyState === OPEN;
      if (isOpen && !slept && Date.now() - this.#heardAt <= SILENCE_LIMIT_AWAKE) return this.#ask();
    } else if (Date.now() - this.#attemptedAt < FRESH_ATTEMPT) return;
    this.#startOver();
  };

  #ask() {
    if (this.#timers.answer) return;
    this.#timers.answer = setTimeout(this.#startOver, ANSWER_LIMIT);
    this.#send(ARE_YOU_THERE);
  }

  /** What was in the way before may be gone: connects at once, and reads meanwhile if that takes long. */
  readonly #startOver = () => {
    this.#failures = 0;
    this.#drop();
    const isPolling = this.#status === 'polling';
    if (!isPolling && this.#status !== 'connecting') this.#setStatus(this.#notReached());
    this.#poller.start(isPolling ? 0 : POLL_AFTER_WAKE);
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
