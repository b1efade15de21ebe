import { vi } from 'vitest';
import { ARE_YOU_THERE } from '../api/liveFrames';

/** A WebSocket whose other side is the test. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }
  static open = (url: string) => new FakeSocket(url) as unknown as WebSocket;

  readyState = 0;
  /** But for the question whether somebody is there, which is answered as the server does. */
  sent: Record<string, unknown>[] = [];
  asked = 0;
  /** The line is dead, and nobody tells: it looks open and nothing comes through. */
  isDead = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  send(data: string) {
    if (data !== JSON.stringify(ARE_YOU_THERE)) {
      this.sent.push(JSON.parse(data) as Record<string, unknown>);
      return;
    }
    this.asked++;
    if (!this.isDead) this.says({ ...ARE_YOU_THERE, type: 'unsubscribed' });
  }

  close() {
    this.readyState = 3;
  }

  accept() {
    this.readyState = 1;
    this.onopen?.();
  }

  says(frame: Record<string, unknown>) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  ends(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/**
 * As often as said, with the longest wait between two attempts, but not the one after the last. For tests with a fake clock.
 */
export async function failToConnect(times: number) {
  for (let time = 1; time <= times; time++) {
    FakeSocket.last.ends();
    if (time < times) await vi.advanceTimersByTimeAsync(1_000 * 2 ** time);
  }
}
