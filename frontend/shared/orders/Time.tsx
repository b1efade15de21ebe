import { useSyncExternalStore } from 'react';
import { onWake } from '../api/wake';
import { absoluteTime, relativeTime, shortTime } from './time';

const TICK = 20_000;

/** One clock for the whole page, so that all relative times change together. */
const clock = {
  now: Date.now(),
  timer: undefined as ReturnType<typeof setInterval> | undefined,
  stopWaking: () => {},
  listeners: new Set<() => void>(),
  tick: () => {
    clock.now = Date.now();
    for (const listener of clock.listeners) listener();
  },
  /** While nobody listens it stands, so whoever looks then sets it. */
  read: () => {
    if (!clock.timer && Date.now() - clock.now >= TICK) clock.now = Date.now();
    return clock.now;
  },
  subscribe: (listener: () => void) => {
    clock.listeners.add(listener);
    if (!clock.timer) {
      clock.timer = setInterval(clock.tick, TICK);
      clock.stopWaking = onWake(clock.tick);
    }
    return () => {
      clock.listeners.delete(listener);
      if (clock.listeners.size > 0) return;
      clearInterval(clock.timer);
      clock.stopWaking();
      clock.timer = undefined;
    };
  },
};

export function useNow(): number {
  return useSyncExternalStore(clock.subscribe, clock.read);
}

/** "5 minutes ago", with the exact time in the title. */
export function RelativeTime({ time, className }: { time: string; className?: string }) {
  const now = useNow();
  // A time later than the last tick is one that just came in: without this it would read "in 20 seconds".
  const text = relativeTime(time, Math.max(now, Math.min(Date.parse(time), now + 60_000)));
  return (
    <time dateTime={time} title={absoluteTime(time)} className={className}>
      {Date.parse(time) > now + 60_000 ? relativeTime(time, now) : text}
    </time>
  );
}

/** "Mon 23 Nov, 12:00", with the exact time in the title. */
export function PlannedTime({ time, className }: { time: string; className?: string }) {
  return (
    <time dateTime={time} title={absoluteTime(time)} className={className}>
      {shortTime(time)}
    </time>
  );
}
