const TICK = 1_000;
/** A page that is looked at gets its ticks on time; one that comes so late slept through those before. */
const LATE = 5_000;

/**
 * Tells when a page wakes up: the machine slept, the browser froze the page or kept it aside, or somebody looks at it again.
 * Timers stood still meanwhile and whatever was open may be dead, but no event need say so: sleep shows by the clock alone.
 * `slept` is true where that is how it was seen, so that everything has certainly stood still.
 */
export function onWake(listener: (slept: boolean) => void): () => void {
  let ticked = Date.now();
  const tick = () => {
    const late = Math.abs(Date.now() - ticked - TICK);
    ticked = Date.now();
    // Of a page that nobody looks at that says nothing: its timers are slowed down, to one tick a minute.
    if (late > LATE && !document.hidden) listener(true);
  };
  const wake = () => {
    ticked = Date.now();
    listener(false);
  };
  const onVisibility = () => {
    if (!document.hidden) wake();
  };
  const onPageShow = ({ persisted }: PageTransitionEvent) => {
    if (persisted) wake();
  };
  const timer = setInterval(tick, TICK);
  document.addEventListener('visibilitychange', onVisibility);
  document.addEventListener('resume', wake);
  window.addEventListener('pageshow', onPageShow);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', onVisibility);
    document.removeEventListener('resume', wake);
    window.removeEventListener('pageshow', onPageShow);
  };
}

/** A device without network may still have a server of its own. */
export function isOffline(): boolean {
  return globalThis.navigator?.onLine === false;
}
