import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { failToConnect, FakeSocket } from '../testing/fakeSocket';
import { Live } from './live';

let online: boolean;
let live: Live;
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-22T10:00:00Z') });
  FakeSocket.all = [];
  online = true;
  vi.spyOn(navigator, 'onLine', 'get').mockImplementation(() => online);
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Follows one order. Every wait is as long as it may be. */
async function start(poll: (signal: AbortSignal) => Promise<unknown> = async () => {}) {
  live = new Live({ url: 'ws://here/api/v1/live', openSocket: FakeSocket.open, random: () => 1 });
  live.start();
  live.subscribe('track:7K3M9Q2XTB', { onEvent: () => {}, poll });
  await settled();
}

test('polls after three failures, goes on trying, and comes back by itself', async () => {
  const poll = vi.fn().mockResolvedValue(undefined);
  await start(poll);
  await failToConnect(3);
  await settled();
  expect(live.getStatus()).toBe('polling');
  expect(poll).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(poll).toHaveBeenCalledTimes(2);

  await vi.advanceTimersByTimeAsync(3_000);
  FakeSocket.last.accept();
  expect(live.getStatus()).toBe('live');
  const polls = poll.mock.calls.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(poll).toHaveBeenCalledTimes(polls);
});

test('a page on which there is nothing to read asks whether the server is there', async () => {
  const asked = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('{}'));
  await start(async () => false);
  await failToConnect(3);
  await settled();
  expect(String(asked.mock.lastCall![0])).toBe('http://here/livez');
  expect(live.getStatus()).toBe('polling');

  asked.mockRejectedValue(new TypeError('Failed to fetch'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(live.getStatus()).toBe('reconnecting');
  asked.mockResolvedValue(new Response('', { status: 502 }));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(live.getStatus()).toBe('reconnecting');
});

test('nothing to read here and no answer there is no answer', async () => {
  const asked = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('{}'));
  await start(async () => false);
  live.subscribe('track:2222222222', { onEvent: () => {}, poll: () => Promise.reject(new Error('No answer')) });
  await failToConnect(3);
  await settled();
  expect(live.getStatus()).toBe('reconnecting');
  expect(asked).not.toHaveBeenCalled();
});

test('a failed attempt to connect neither repeats a poll that is on its way nor breaks it off', async () => {
  const poll = vi.fn<(signal: AbortSignal) => Promise<void>>(() => new Promise(() => {}));
  await start(poll);
  await failToConnect(4);
  expect(poll).toHaveBeenCalledOnce();
  expect(poll.mock.lastCall![0].aborted).toBe(false);
});

test('where a socket opens and nothing comes through it, the page polls, and does not call itself live', async () => {
  const poll = vi.fn().mockResolvedValue(undefined);
  await start(poll);
  const seen = new Set<string>();
  live.onStatus(() => seen.add(live.getStatus()));
  for (let attempt = 1; attempt <= 4; attempt++) {
    FakeSocket.last.isDead = true;
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(10_000 + 1_000 * 2 ** attempt);
  }
  expect(live.getStatus()).toBe('polling');
  expect(seen).toEqual(new Set(['polling']));
  FakeSocket.last.accept();
  expect(live.getStatus()).toBe('live');
});

test('a poll that is not answered is broken off after 10 seconds, and the next one comes', async () => {
  const poll = vi.fn<(signal: AbortSignal) => Promise<void>>(() => new Promise(() => {}));
  await start(poll);
  await failToConnect(3);
  await vi.advanceTimersByTimeAsync(9_999);
  const [signal] = poll.mock.lastCall!;
  expect(signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(signal.aborted).toBe(true);
  expect(live.getStatus()).toBe('reconnecting');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(poll).toHaveBeenCalledTimes(2);
});

test('a poll that is on its way when the socket comes back is broken off', async () => {
  const poll = vi.fn<(signal: AbortSignal) => Promise<void>>(() => new Promise(() => {}));
  await start(poll);
  await failToConnect(3);
  await vi.advanceTimersByTimeAsync(8_000);
  FakeSocket.last.accept();
  expect(poll.mock.lastCall![0].aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(live.getStatus()).toBe('live');
});

test('says reconnecting while polling fails too', async () => {
  await start(() => Promise.reject(new Error('down')));
  await failToConnect(3);
  await settled();
  expect(live.getStatus()).toBe('reconnecting');
});

test('offline says so and goes on trying; back online it connects at once', async () => {
  await start(() => Promise.reject(new Error('down')));
  FakeSocket.last.accept();
  await vi.advanceTimersByTimeAsync(5_000);
  online = false;
  window.dispatchEvent(new Event('offline'));
  expect(live.getStatus()).toBe('offline');
  await vi.advanceTimersByTimeAsync(1_000);
  await failToConnect(3);
  expect(live.getStatus()).toBe('offline');
  const attempts = FakeSocket.all.length;
  online = true;
  window.dispatchEvent(new Event('online'));
  await settled();
  expect(FakeSocket.all).toHaveLength(attempts + 1);
  FakeSocket.last.accept();
  expect(live.getStatus()).toBe('live');
});

test('a device without network reaches the server that runs on it', async () => {
  online = false;
  await start();
  expect(live.getStatus()).toBe('offline');
  FakeSocket.last.accept();
  expect(live.getStatus()).toBe('live');
});

test('a device without network polls where sockets are blocked', async () => {
  online = false;
  await start(vi.fn().mockRejectedValueOnce(new Error('down')).mockResolvedValue(undefined));
  await failToConnect(3);
  await settled();
  expect(live.getStatus()).toBe('offline');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(live.getStatus()).toBe('polling');
});
