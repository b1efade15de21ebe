import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { failToConnect, FakeSocket } from '../testing/fakeSocket';
import { sampleEvent } from '../testing/samples';
import { Live, liveUrl, type LiveOptions } from './live';

const now = Date.parse('2026-11-22T10:00:00Z');
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
let online: boolean;
let live: Live;

beforeEach(() => {
  vi.useFakeTimers({ now });
  FakeSocket.all = [];
  online = true;
  vi.spyOn(navigator, 'onLine', 'get').mockImplementation(() => online);
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** `random` 1 makes every wait as long as it may be. */
function start(options: Partial<LiveOptions> = {}) {
  live = new Live({ url: 'ws://here/api/v1/live', openSocket: FakeSocket.open, random: () => 1, ...options });
  live.start();
  return live;
}

function listener() {
  return { onSnapshot: vi.fn(), onEvent: vi.fn(), onResync: vi.fn(), onGone: vi.fn(), onError: vi.fn() };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

describe('without an account', () => {
  test('subscribes as soon as the socket is open, and says so', async () => {
    start();
    live.subscribe('track:7K3M9Q2XTB', listener(), 4);
    expect(live.getStatus()).toBe('connecting');
    await settled();
    FakeSocket.last.accept();
    expect(live.getStatus()).toBe('live');
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 4 }]);
  });

  test('resumes after the last version that came, whether by snapshot or by event', async () => {
    start();
    const heard = listener();
    live.subscribe('track:7K3M9Q2XTB', heard, 4);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 6, events: [{ version: 6 }] });
    FakeSocket.last.says({ type: 'event', topic: 'track:7K3M9Q2XTB', event: { version: 9, previous_version: 6 } });
    expect(heard.onSnapshot).toHaveBeenCalledWith({ version: 6, events: [{ version: 6 }], reset: false });
    expect(heard.onEvent).toHaveBeenCalledWith({ version: 9, previous_version: 6 });

    FakeSocket.last.ends();
    expect(live.getStatus()).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 9 }]);
  });

  test('resumes after the events that came, when the first answer held only some of a long history', async () => {
    start();
    live.subscribe('track:7K3M9Q2XTB', listener(), 4);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 900, events: [{ version: 5 }, { version: 6 }] });
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 6 }]);
  });

  test('what was missed between two events is asked for, and comes once and in order', async () => {
    start();
    const heard = listener();
    const topic = 'track:7K3M9Q2XTB';
    const [third, fifth, ninth] = [{ version: 3, previous_version: 1 }, { version: 5, previous_version: 3 }, { version: 9, previous_version: 5 }];
    live.subscribe(topic, heard, 1);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic, version: 1, events: [] });
    FakeSocket.last.says({ type: 'event', topic, event: fifth });
    // Sent before the server has heard that something is missing: it is in the answer, too.
    FakeSocket.last.says({ type: 'event', topic, event: ninth });
    expect(heard.onEvent).not.toHaveBeenCalled();
    expect(FakeSocket.last.sent.slice(1)).toEqual([{ type: 'unsubscribe', topic }, { type: 'subscribe', topic, after: 1 }]);
    FakeSocket.last.says({ type: 'unsubscribed', topic });
    FakeSocket.last.says({ type: 'subscribed', topic, version: 9, events: [third, fifth, ninth] });
    expect(heard.onSnapshot).toHaveBeenLastCalledWith({ version: 9, events: [third, fifth, ninth], reset: false });

    FakeSocket.last.says({ type: 'event', topic, event: ninth });
    expect(heard.onEvent).not.toHaveBeenCalled();
    FakeSocket.last.says({ type: 'event', topic, event: { version: 10, previous_version: 9 } });
    expect(heard.onEvent).toHaveBeenCalledOnce();
  });

  test('who leaves an order and comes back sees each event once', async () => {
    start();
    const topic = 'track:7K3M9Q2XTB';
    const leave = live.subscribe(topic, listener(), 1);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic, version: 1, events: [] });
    leave();
    const heard = listener();
    live.subscribe(topic, heard, 1);
    const second = { version: 2, previous_version: 1 };
    // Of the first subscription: the server has not heard yet that it was left.
    FakeSocket.last.says({ type: 'event', topic, event: second });
    FakeSocket.last.says({ type: 'unsubscribed', topic });
    FakeSocket.last.says({ type: 'subscribed', topic, version: 2, events: [second] });
    FakeSocket.last.says({ type: 'event', topic, event: { version: 3, previous_version: 2 } });
    expect(heard.onSnapshot.mock.calls).toEqual([[{ version: 2, events: [second], reset: false }]]);
    expect(heard.onEvent.mock.calls).toEqual([[{ version: 3, previous_version: 2 }]]);
  });

  test('versions that the public may not see are no gap; of one’s own order each counts', async () => {
    start();
    const [anyone, owner] = [listener(), listener()];
    live.subscribe('track:7K3M9Q2XTB', anyone, 1);
    live.subscribe('order:7K3M9Q2XTB', owner, 1);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'event', topic: 'track:7K3M9Q2XTB', event: { version: 3, previous_version: 1 } });
    FakeSocket.last.says({ type: 'event', topic: 'order:7K3M9Q2XTB', event: sampleEvent({ version: 3 }) });
    expect(anyone.onEvent).toHaveBeenCalledOnce();
    expect(owner.onEvent).not.toHaveBeenCalled();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'subscribe', topic: 'order:7K3M9Q2XTB', after: 1 });
  });

  test.each(['database_unavailable', 'internal'])('subscribes again after the refusal %s, 2 to 5 seconds later', async (code) => {
    start();
    const heard = listener();
    live.subscribe('track:7K3M9Q2XTB', heard, 4);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'error', code, detail: '', topic: 'track:7K3M9Q2XTB' });
    expect(heard.onError).toHaveBeenCalledWith(code);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(FakeSocket.last.sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 4 });
    expect(FakeSocket.last.sent).toHaveLength(2);
  });

  test('a refusal is over with the subscription or the socket that it was told to', async () => {
    start();
    const refuse = (topic: string) => FakeSocket.last.says({ type: 'error', code: 'internal', detail: '', topic });
    const leave = live.subscribe('track:7K3M9Q2XTB', listener());
    live.subscribe('track:0000000001', listener());
    await settled();
    FakeSocket.last.accept();
    refuse('track:7K3M9Q2XTB');
    refuse('track:0000000001');
    leave();
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:0000000001' }]);
  });

  test('what was refused for good is not asked for again', async () => {
    start();
    live.subscribe('track:7K3M9Q2XTB', listener());
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'error', code: 'not_found', detail: '', topic: 'track:7K3M9Q2XTB' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.last.sent).toHaveLength(1);
  });

  test('begins anew when the server says that its database was restored', async () => {
    start();
    const heard = listener();
    live.subscribe('track:7K3M9Q2XTB', heard, 4);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 4, events: [] });
    FakeSocket.last.ends(4410);
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    const [{ after }] = FakeSocket.last.sent as [{ after: number }];
    expect(after).toBeGreaterThan(2 ** 31);
    const events = [{ version: 1, previous_version: null }, { version: 4, previous_version: 1 }];
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 4, events, reset: true });
    expect(heard.onSnapshot).toHaveBeenLastCalledWith({ version: 4, events, reset: true });
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(4_000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 4 }]);
  });

  test('passes on reset, gone, resync and errors of a topic', async () => {
    start();
    const heard = listener();
    live.subscribe('track:7K3M9Q2XTB', heard, 9);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 2, events: [], reset: true });
    FakeSocket.last.says({ type: 'error', code: 'not_found', detail: '', topic: 'track:7K3M9Q2XTB' });
    FakeSocket.last.says({ type: 'gone', topic: 'track:7K3M9Q2XTB' });
    expect(heard.onSnapshot).toHaveBeenCalledWith({ version: 2, events: [], reset: true });
    expect(heard.onError).toHaveBeenCalledWith('not_found');
    expect(heard.onGone).toHaveBeenCalledOnce();
  });

  test('what is unsubscribed is not resumed', async () => {
    start();
    const leave = live.subscribe('track:7K3M9Q2XTB', listener());
    await settled();
    FakeSocket.last.accept();
    leave();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'unsubscribe', topic: 'track:7K3M9Q2XTB' });
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([]);
  });

  test('frames that nobody can read are ignored', async () => {
    start();
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.onmessage?.({ data: 'not json' });
    FakeSocket.last.says({ type: 'from_the_future', topic: 'orders' });
    expect(live.getStatus()).toBe('live');
  });
});

describe('a bad line', () => {
  test('waits twice as long after each failure, up to 30 seconds', async () => {
    start();
    await settled();
    for (const wait of [2, 4, 8, 16, 30, 30]) {
      const attempts = FakeSocket.all.length;
      FakeSocket.last.ends();
      await vi.advanceTimersByTimeAsync(wait * 1000 - 1);
      expect(FakeSocket.all).toHaveLength(attempts);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.all).toHaveLength(attempts + 1);
    }
  });

  test('jitter is full: the wait may be anything from nothing', async () => {
    start({ random: () => 0 });
    await settled();
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a line that held for a while starts the backoff anew', async () => {
    start();
    await settled();
    await failToConnect(3);
    await vi.advanceTimersByTimeAsync(8_000);
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(5_000);
    const attempts = FakeSocket.all.length;
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(attempts + 1);
  });

  test('heartbeats keep it; without them it is given up after 45 seconds', async () => {
    start();
    await settled();
    FakeSocket.last.accept();
    for (let beat = 0; beat < 6; beat++) {
      await vi.advanceTimersByTimeAsync(20_000);
      FakeSocket.last.says({ type: 'heartbeat' });
    }
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(44_000);
    expect(live.getStatus()).toBe('live');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(live.getStatus()).toBe('reconnecting');
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a socket that neither opens nor fails is given up after 10 seconds', async () => {
    start();
    await settled();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a token that does not come is not waited for longer than that either', async () => {
    const token = vi.fn(() => new Promise<string | null>(() => {}));
    start({ token });
    await vi.advanceTimersByTimeAsync(12_000);
    expect(token).toHaveBeenCalledTimes(2);
  });

  test('what an abandoned socket says is not heard', async () => {
    start();
    const heard = listener();
    live.subscribe('track:7K3M9Q2XTB', heard);
    await settled();
    const first = FakeSocket.last;
    first.accept();
    await vi.advanceTimersByTimeAsync(60_000);
    first.says({ type: 'event', topic: 'track:7K3M9Q2XTB', event: { version: 2 } });
    expect(heard.onEvent).not.toHaveBeenCalled();
  });
});

describe('with an account', () => {
  test('authenticates before it subscribes, and never in the URL', async () => {
    start({ token: async () => 'first' });
    live.subscribe('orders', listener());
    await settled();
    FakeSocket.last.accept();
    expect(FakeSocket.last.url).toBe('ws://here/api/v1/live');
    expect(FakeSocket.last.sent).toEqual([{ type: 'authenticate', token: 'first' }]);
    FakeSocket.last.says({ type: 'authenticated', expires_at: inMinutes(10) });
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'subscribe', topic: 'orders' });
    expect(live.getStatus()).toBe('live');
  });

  test('authenticates again before the token expires, on the same socket', async () => {
    const token = vi.fn(async (rejected?: string) => (rejected === 'first' ? 'second' : 'first'));
    start({ token });
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'authenticated', expires_at: inMinutes(5) });
    for (let beat = 0; beat < 13; beat++) {
      await vi.advanceTimersByTimeAsync(20_000);
      FakeSocket.last.says({ type: 'heartbeat' });
    }
    expect(FakeSocket.last.sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(token).toHaveBeenLastCalledWith('first');
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'authenticate', token: 'second' });
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('a clock that is wrong does not make it authenticate without end', async () => {
    start({ token: async () => 'first' });
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'authenticated', expires_at: inMinutes(-60) });
    await vi.advanceTimersByTimeAsync(14_000);
    expect(FakeSocket.last.sent).toHaveLength(1);
  });

  test('asks for another token when the server closes with 4401', async () => {
    const token = vi.fn(async (rejected?: string) => (rejected ? 'second' : 'first'));
    start({ token });
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.ends(4401);
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.accept();
    expect(token).toHaveBeenLastCalledWith('first');
    expect(FakeSocket.last.sent).toEqual([{ type: 'authenticate', token: 'second' }]);
  });

  test('two listeners share one subscription, which ends with the second', async () => {
    start({ token: async () => 'first' });
    const [one, two] = [listener(), listener()];
    const leaveOne = live.subscribe('orders', one);
    const leaveTwo = live.subscribe('orders', two);
    await settled();
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'authenticated', expires_at: inMinutes(10) });
    FakeSocket.last.says({ type: 'event', topic: 'orders', event: sampleEvent() });
    FakeSocket.last.says({ type: 'resync', topic: 'orders' });
    expect(one.onEvent).toHaveBeenCalledOnce();
    expect(two.onResync).toHaveBeenCalledOnce();
    leaveOne();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'subscribe', topic: 'orders' });
    leaveTwo();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: 'unsubscribe', topic: 'orders' });
  });
});

test('the address is the page’s own, secure where the page is', () => {
  start();
  expect(liveUrl({ protocol: 'https:', host: 'a.example' } as Location)).toBe('wss://a.example/api/v1/live');
  expect(liveUrl({ protocol: 'http:', host: 'localhost:8080' } as Location)).toBe('ws://localhost:8080/api/v1/live');
});
