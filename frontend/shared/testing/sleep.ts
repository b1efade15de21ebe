import { vi } from 'vitest';

/** The lid is closed, and opened again later: the clock has gone on, and no timer has. For tests with a fake clock. */
export function sleepFor(milliseconds: number) {
  vi.setSystemTime(Date.now() + milliseconds);
}

/** Whether somebody looks at the page; tells it if that has changed. Restored with all mocks. */
export function lookAt(isSeen: boolean) {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(!isSeen);
  document.dispatchEvent(new Event('visibilitychange'));
}
