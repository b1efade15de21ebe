import { client } from '../api/client';
import { ProblemError } from '../api/problem';
import type { Account, Realm, SignedIn } from '../api/generated/types.gen';

export type AuthState =
  /** Asking the server whether the cookie is still good. */
  | { phase: 'starting' }
  /** It did not answer; we go on asking. */
  | { phase: 'unreachable' }
  /** `ended`: there was a session and it is over, so say why the sign-in form is there. */
  | { phase: 'anonymous'; ended: boolean }
  | { phase: 'signed_in'; account: Account };

interface Held {
  token: string;
  /** By this machine's clock: the server's may differ. */
  expiresAt: number;
}

const REFRESH_BEFORE_EXPIRY = 60_000;
const RETRY_UNREACHABLE = 3_000;

/**
 * One realm's login in this tab. The access token lives in memory only; the refresh cookie is HttpOnly and survives a
 * reload. Two tabs share the cookie, so refreshing takes a lock across tabs, and logging out tells the others.
 */
export class AuthSession {
  #state: AuthState = { phase: 'starting' };
  #held: Held | null = null;
  #refreshing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();
  #channel: BroadcastChannel | undefined;

  constructor(readonly realm: Realm) {
    if ('BroadcastChannel' in globalThis) {
      this.#channel = new BroadcastChannel(`order-tracker-${realm}`);
      this.#channel.onmessage = ({ data }) => {
        if (data === 'signed_out') this.#forget(false);
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
    if (this.#hint.get()) void this.#refresh();
    else this.#set({ phase: 'anonymous', ended: false });
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

  async logIn(email: string, password: string) {
    this.adopt(await this.#post('sessions', { email, password }));
  }

  /** Registering and joining answer as logging in does. */
  adopt(signedIn: SignedIn) {
    this.#hold(signedIn);
    this.#channel?.postMessage('signed_in');
  }

  /** Local first: who presses "sign out" is out, whether or not the server can be told. */
  async logOut() {
    this.#forget(false);
    this.#channel?.postMessage('signed_out');
    await client.delete({ url: `/api/v1/${this.realm}/sessions/current` });
  }

  rename(account: Account) {
    if (this.#state.phase === 'signed_in') this.#set({ phase: 'signed_in', account });
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#exclusively(() => this.#refreshNow()).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refreshNow() {
    try {
      this.#hold(await this.#post('sessions/refresh'));
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) {
        this.#forget(true);
        return;
      }
      // Unreachable: who is signed in stays so until the server itself says otherwise.
      if (this.#state.phase !== 'signed_in') this.#set({ phase: 'unreachable' });
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#refresh(), RETRY_UNREACHABLE);
    }
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    return navigator.locks ? navigator.locks.request(`order-tracker-${this.realm}-refresh`, work) : work();
  }

  async #post(path: string, body?: unknown): Promise<SignedIn> {
    const { data } = await client.post<{ 200: SignedIn }, unknown, true>({
      url: `/api/v1/${this.realm}/${path}`,
      ...(body ? { body, headers: { 'Content-Type': 'application/json' } } : {}),
      throwOnError: true,
    });
    return data;
  }

  #hold({ access_token, expires_in, account }: SignedIn) {
    const lifetime = expires_in * 1000;
    this.#held = { token: access_token, expiresAt: Date.now() + lifetime };
    this.#hint.set();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), Math.max(lifetime - REFRESH_BEFORE_EXPIRY, lifetime / 2));
    const current = this.#state;
    const same = current.phase === 'signed_in' && JSON.stringify(current.account) === JSON.stringify(account);
    if (!same) this.#set({ phase: 'signed_in', account });
  }

  #forget(ended: boolean) {
    clearTimeout(this.#timer);
    this.#held = null;
    this.#hint.clear();
    this.#set({ phase: 'anonymous', ended });
  }

  #set(state: AuthState) {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Says that a refresh cookie probably exists, which scripts cannot see. No secret; storage may be denied. */
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
      get: () => attempt(() => localStorage.getItem(key) !== null, true),
      set: () => attempt(() => localStorage.setItem(key, '1'), undefined),
      clear: () => attempt(() => localStorage.removeItem(key), undefined),
    };
  }
}
