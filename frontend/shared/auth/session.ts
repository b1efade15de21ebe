import { client } from '../api/client';
import { ProblemError } from '../api/problem';
import type { Account, Realm, SignedIn } from '../api/generated/types.gen';

export type AuthState =
  /** Asking the server whether the cookie is still good. */
  | { phase: 'starting' }
  /** It did not answer; we go on asking. */
  | { phase: 'unreachable' }
  /** 'ended': there was a session and it is over, so say why the sign-in form is there. 'left': signed out by hand. */
  | { phase: 'anonymous'; why: 'new' | 'ended' | 'left' }
  | { phase: 'signed_in'; account: Account };

interface Held {
  token: string;
  /** By this machine's clock: the server's may differ. */
  expiresAt: number;
}

const REFRESH_BEFORE_EXPIRY = 60_000;
const RETRY_UNREACHABLE = 3_000;
/** Everything waits for the new token. Over a line that died without a word no answer ever comes. */
const REFRESH_LIMIT = 15_000;

/** In localStorage, for all tabs and the next visit. No secret: it stands for a cookie that scripts cannot see. */
const SIGNED_IN = 'signed_in';
/** Signed out here, and the server has not heard of it yet: the cookie is still good. */
const LEAVING = 'leaving';

/**
 * One realm's login in this tab. The access token lives in memory only; the refresh cookie is HttpOnly and survives a
 * reload. Two tabs share the cookie, so whatever changes it takes a lock across tabs, and logging out tells the others.
 */
export class AuthSession {
  #state: AuthState = { phase: 'starting' };
  #held: Held | null = null;
  #refreshing: Promise<void> | null = null;
  #lastTurn = Promise.resolve();
  /** Grows with each end of a session, so that what was asked for before is dropped when it comes. */
  #epoch = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();
  #channel: BroadcastChannel | undefined;

  constructor(readonly realm: Realm) {
    if ('BroadcastChannel' in globalThis) {
      this.#channel = new BroadcastChannel(`order-tracker-${realm}`);
      this.#channel.onmessage = ({ data }) => {
        if (data === 'signed_out') this.#forget('left');
        if (data === 'signed_in') void this.#refresh();
      };
    }
  }

  readonly getState = () => this.#state;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** At page load. Without a hint that there is a session nothing is asked: a 401 would only fill the console. */
  start() {
    const hint = this.#hint.get();
    if (hint === SIGNED_IN || hint === 'unknown') return void this.#refresh();
    this.#set({ phase: 'anonymous', why: 'new' });
    if (hint === LEAVING) void this.#leave();
  }

  /** For tests, whose sessions would otherwise hear of each other. */
  close() {
    clearTimeout(this.#timer);
    this.#channel?.close();
  }

  readonly token = async (rejected?: string): Promise<string | null> => {
    const good = this.#held && this.#held.token !== rejected && this.#held.expiresAt > Date.now() + 5_000;
    if (!good && (this.#held || this.#state.phase === 'starting')) await this.#refresh();
    return this.#held?.token ?? null;
  };

  logIn(email: string, password: string): Promise<void> {
    return this.enter(() => this.#post('sessions', { email, password }));
  }

  /**
   * Registering and joining answer as logging in does. Waits for a sign-out that is still on its way: its answer would
   * clear the new cookie.
   */
  enter(request: () => Promise<SignedIn>): Promise<void> {
    return this.#exclusively(async () => this.adopt(await request()));
  }

  adopt(signedIn: SignedIn) {
    this.#hold(signedIn);
    this.#channel?.postMessage('signed_in');
  }

  /** Local first: who presses "sign out" is out at once. The server is told until it has heard, on the next visit too. */
  async logOut() {
    this.#forget('left');
    this.#hint.set(LEAVING);
    this.#channel?.postMessage('signed_out');
    await this.#leave();
  }

  rename(account: Account) {
    if (this.#state.phase === 'signed_in') this.#set({ phase: 'signed_in', account });
  }

  async #leave() {
    const epoch = this.#epoch;
    await this.#exclusively(async () => {
      // Somebody has signed in since, here or in another tab: the cookie is theirs.
      if (this.#state.phase === 'signed_in' || this.#hint.get() === SIGNED_IN) return;
      try {
        await client.delete({ url: `/api/v1/${this.realm}/sessions/current`, throwOnError: true });
        this.#hint.clear();
      } catch {
        if (epoch !== this.#epoch) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#leave(), RETRY_UNREACHABLE);
      }
    });
  }

  #refresh(): Promise<void> {
    if (this.#refreshing) return this.#refreshing;
    const epoch = this.#epoch;
    const refreshing = this.#exclusively(() => this.#refreshNow(epoch)).finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  async #refreshNow(epoch: number) {
    if (epoch !== this.#epoch) return;
    try {
      const signedIn = await this.#post('sessions/refresh', undefined, AbortSignal.timeout(REFRESH_LIMIT));
      if (epoch === this.#epoch) this.#hold(signedIn);
    } catch (error) {
      if (epoch !== this.#epoch) return;
      // Any other refusal, such as too many requests, says nothing about the session.
      if (error instanceof ProblemError && [400, 401, 403].includes(error.status)) {
        this.#hint.clear();
        this.#forget('ended');
        return;
      }
      // Unreachable: who is signed in stays so until the server itself says otherwise.
      if (this.#state.phase !== 'signed_in') this.#set({ phase: 'unreachable' });
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#refresh(), RETRY_UNREACHABLE);
    }
  }

  /** One after the other: in this tab, and in all of them where the browser has locks (secure origins only). */
  #exclusively(work: () => Promise<void>): Promise<void> {
    const locked = () => (navigator.locks ? navigator.locks.request(`order-tracker-${this.realm}-cookie`, work) : work());
    const turn = this.#lastTurn.then(locked);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async #post(path: string, body?: unknown, signal?: AbortSignal): Promise<SignedIn> {
    const { data } = await client.post<{ 200: SignedIn }, unknown, true>({
      url: `/api/v1/${this.realm}/${path}`,
      signal,
      ...(body ? { body, headers: { 'Content-Type': 'application/json' } } : {}),
      throwOnError: true,
    });
    return data;
  }

  #hold({ access_token, expires_in, account }: SignedIn) {
    const lifetime = expires_in * 1000;
    this.#held = { token: access_token, expiresAt: Date.now() + lifetime };
    this.#hint.set(SIGNED_IN);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), Math.max(lifetime - REFRESH_BEFORE_EXPIRY, lifetime / 2));
    const current = this.#state;
    const same = current.phase === 'signed_in' && JSON.stringify(current.account) === JSON.stringify(account);
    if (!same) this.#set({ phase: 'signed_in', account });
  }

  #forget(why: 'ended' | 'left') {
    this.#epoch++;
    this.#refreshing = null;
    clearTimeout(this.#timer);
    this.#held = null;
    this.#set({ phase: 'anonymous', why });
  }

  #set(state: AuthState) {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }

  /** 'unknown': storage is denied. */
  get #hint() {
    const key = `order-tracker-${this.realm}-signed-in`;
    const attempt = <T>(work: () => T, otherwise: T): T => {
      try {
        return work();
      } catch {
        return otherwise;
      }
    };
    return {
      get: () => attempt(() => localStorage.getItem(key), 'unknown'),
      set: (hint: string) => attempt(() => localStorage.setItem(key, hint), undefined),
      clear: () => attempt(() => localStorage.removeItem(key), undefined),
    };
  }
}
