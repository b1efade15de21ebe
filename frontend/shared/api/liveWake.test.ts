import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { failToConnect, FakeSocket } from '../testing/fakeSocket';
import { lookAt, sleepFor } from '../testing/sleep';
import { Live, type LiveOptions } from './live';

const NIGHT = 8 * 3600_000;
const topic = 'track:7K3M9Q2XTB';
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const settled = () => vi.advanceTimersByTimeAsync(0);
let live: Live;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') });
  FakeSocket.all = [];
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** `random` 1 makes every wait as long as it may be. */
async function start(options: Partial<LiveOptions> = {}) {
  live = new Live({ url: 'ws://here/api/v1/live', openSocket: FakeSocket.open, random: () => 1, ...options });
  live.start();
  const heard = { onSnapshot: vi.fn(), onEvent: vi.fn(), poll: vi.fn<(signal: AbortSignal) => Promise<void>>(async () => {}) };
  live.subscribe(topic, heard, 1);
  await settled();
  return heard;
}

/** The server's heartbeats for as long as said. */
async function beatFor(milliseconds: number) {
  for (let passed = 0; passed < milliseconds; passed += 20_000) {
    await vi.advanceTimersByTimeAsync(20_000);
    FakeSocket.last.says({ type: 'heartbeat' });
  }
}

describe('the machine wakes up, and the page with it, without any event', () => {
  test('a line that looks open is replaced within a second, and what was missed is asked for', async () => {
    const heard = await start();
    FakeSocket.last.accept();
    const dead = FakeSocket.last;
    dead.isDead = true;
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(dead.readyState).toBe(3);
    expect(live.getStatus()).toBe('reconnecting');
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic, after: 1 }]);
    FakeSocket.last.says({ type: 'subscribed', topic, version: 3, events: [{ version: 3, previous_version: 1 }] });
    expect(heard.onSnapshot).toHaveBeenCalledOnce();
    expect(live.getStatus()).toBe('live');
    await beatFor(60_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(heard.poll).not.toHaveBeenCalled();
  });

  test('so it is after a nap that was shorter than the time between two heartbeats', async () => {
    await start();
    FakeSocket.last.accept();
    sleepFor(10_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a wait of half a minute is over at once, and the waits begin anew', async () => {
    await start();
    for (const wait of [2, 4, 8, 16]) {
      FakeSocket.last.ends();
      await vi.advanceTimersByTimeAsync(wait * 1_000);
    }
    FakeSocket.last.ends();
    const attempts = FakeSocket.all.length;
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(attempts + 1);
    FakeSocket.last.ends();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(FakeSocket.all).toHaveLength(attempts + 2);
  });

  test('an attempt from before the sleep is not waited for', async () => {
    await start();
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('the token that has expired meanwhile is asked for anew', async () => {
    // As the auth store does: it looks at the clock.
    const issued = { token: 'evening', at: Date.now() };
    const token = vi.fn(async () => (Date.now() - issued.at < 600_000 ? issued.token : 'morning'));
    await start({ token });
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'authenticated', expires_at: inMinutes(10) });
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([{ type: 'authenticate', token: 'morning' }]);
  });

  test('a server that is not reached at once is read from instead, within 2 seconds', async () => {
    const heard = await start();
    FakeSocket.last.accept();
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(heard.poll).toHaveBeenCalledOnce();
    expect(live.getStatus()).toBe('polling');
    FakeSocket.last.accept();
    expect(live.getStatus()).toBe('live');
    await beatFor(20_000);
    expect(heard.poll).toHaveBeenCalledOnce();
  });

  test('where sockets are blocked it is read at once, and a read from before the sleep is broken off', async () => {
    const heard = await start();
    await failToConnect(3);
    await settled();
    expect(live.getStatus()).toBe('polling');
    heard.poll.mockImplementationOnce(() => new Promise(() => {}));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard.poll).toHaveBeenCalledTimes(2);
    const [signal] = heard.poll.mock.lastCall!;
    sleepFor(NIGHT);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(signal.aborted).toBe(true);
    expect(heard.poll).toHaveBeenCalledTimes(3);
    expect(live.getStatus()).toBe('polling');
  });

  test('a clock that is set back by an hour leaves nothing waiting for that hour', async () => {
    await start();
    FakeSocket.last.accept();
    sleepFor(-3600_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe('somebody looks at the page again', () => {
  test('a line that was silent for longer than a heartbeat takes is replaced at once', async () => {
    await start();
    FakeSocket.last.accept();
    lookAt(false);
    sleepFor(26_000);
    lookAt(true);
    await settled();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('a line that answers stays', async () => {
    await start();
    FakeSocket.last.accept();
    const asked = FakeSocket.last.asked;
    lookAt(false);
    sleepFor(15_000);
    lookAt(true);
    expect(FakeSocket.last.asked).toBe(asked + 1);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(live.getStatus()).toBe('live');
  });

  test('a line that looks open and does not answer is replaced within a second', async () => {
    await start();
    FakeSocket.last.accept();
    FakeSocket.last.isDead = true;
    lookAt(false);
    sleepFor(15_000);
    lookAt(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic, after: 1 }]);
  });

  test('who changes tabs all the time costs questions, and no lines', async () => {
    await start();
    FakeSocket.last.accept();
    for (let time = 0; time < 50; time++) {
      lookAt(false);
      await vi.advanceTimersByTimeAsync(300);
      lookAt(true);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('an answer that takes a moment is good for all who asked meanwhile', async () => {
    await start();
    FakeSocket.last.accept();
    FakeSocket.last.isDead = true;
    for (let time = 0; time < 3; time++) {
      lookAt(false);
      lookAt(true);
      await vi.advanceTimersByTimeAsync(300);
    }
    FakeSocket.last.says({ type: 'unsubscribed', topic: 'track:0000000000' });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('who changes tabs while it connects does not disturb it', async () => {
    await start();
    await vi.advanceTimersByTimeAsync(500);
    lookAt(false);
    lookAt(true);
    await settled();
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('a wait for the next attempt is over at once', async () => {
    await start();
    await failToConnect(5);
    const attempts = FakeSocket.all.length;
    lookAt(false);
    await vi.advanceTimersByTimeAsync(5_000);
    lookAt(true);
    await settled();
    expect(FakeSocket.all).toHaveLength(attempts + 1);
  });

  test.each([
    ['was frozen', () => document.dispatchEvent(new Event('resume'))],
    ['was kept aside by the browser', () => window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))],
  ])('so it is with a page that %s, whose socket was closed without a word', async (_, comesBack) => {
    await start();
    FakeSocket.last.accept();
    FakeSocket.last.readyState = 3;
    comesBack();
    await settled();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('the first time that a page is shown is no waking up', async () => {
    await start();
    FakeSocket.last.accept();
    const asked = FakeSocket.last.asked;
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
    expect(FakeSocket.last.asked).toBe(asked);
  });
});

describe('nobody looks at the page for an hour, and its timers run once a minute', () => {
  /** Heartbeats come as ever. Then the minute's one turn: each timer is due, and none has run since the last. */
  async function slowMinute(afterEachBeat = () => {}) {
    for (let beat = 0; beat < 3; beat++) {
      sleepFor(19_000);
      FakeSocket.last.says({ type: 'heartbeat' });
      await settled();
      afterEachBeat();
    }
    await vi.advanceTimersByTimeAsync(3_000);
  }

  test('the line is kept, its token is renewed in time, and nothing is asked', async () => {
    await start({ token: async () => 'a token' });
    FakeSocket.last.accept();
    lookAt(false);
    let [renewals, expiry] = [0, Infinity];
    const renews = () => {
      if (FakeSocket.last.sent.filter(({ type }) => type === 'authenticate').length === renewals) return;
      renewals++;
      expiry = Date.now() + 7 * 60_000;
      FakeSocket.last.says({ type: 'authenticated', expires_at: new Date(expiry).toISOString() });
    };
    renews();
    for (let minute = 0; minute < 60; minute++) {
      await slowMinute(() => {
        renews();
        expect(Date.now()).toBeLessThan(expiry);
      });
    }
    expect(renewals).toBeGreaterThan(7);
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakeSocket.last.asked).toBe(0);
    expect(live.getStatus()).toBe('live');
  });

  test('a line that died is noticed all the same', async () => {
    await start();
    FakeSocket.last.accept();
    lookAt(false);
    sleepFor(60_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(live.getStatus()).toBe('reconnecting');
  });
});

test('nothing is left of it when it is stopped', async () => {
  await start();
  FakeSocket.last.accept();
  lookAt(true);
  live.stop();
  expect(vi.getTimerCount()).toBe(0);
  sleepFor(NIGHT);
  lookAt(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
});
