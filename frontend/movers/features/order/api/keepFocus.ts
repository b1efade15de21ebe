import { useEffect, useRef } from 'react';

/**
 * Buttons that do their work may be gone after it. Then the focus goes to what surrounds them, which needs tabIndex={-1},
 * instead of to the top of the page.
 */
export function useKeepFocus<E extends HTMLElement>() {
  const surrounding = useRef<E>(null);
  const last = useRef<Element | null>(null);
  useEffect(() => {
    const remember = ({ target }: FocusEvent) => {
      last.current = surrounding.current?.contains(target as Node) ? (target as Element) : null;
    };
    document.addEventListener('focusin', remember);
    return () => document.removeEventListener('focusin', remember);
  }, []);
  // After every render: only then is it known what is gone.
  useEffect(() => {
    if (!last.current || last.current.isConnected || document.activeElement !== document.body) return;
    last.current = null;
    surrounding.current?.focus({ preventScroll: true });
  });
  return surrounding;
}
