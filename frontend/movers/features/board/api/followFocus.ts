import { useEffect, useRef } from 'react';

/**
 * An order that is moved leaves its column, and the button that was pressed goes with it: without this the keyboard would
 * find itself at the top of the page. The focus follows the order to its new place, or goes to the heading of the column
 * where it was; to the content, if it was the last order of all. Returns the ref of what surrounds the cards.
 */
export function useFollowFocus<E extends HTMLElement>() {
  const board = useRef<E>(null);
  const last = useRef<{ element: Element; order: string; heading: string | null } | null>(null);

  useEffect(() => {
    const remember = ({ target }: FocusEvent) => {
      const element = target as Element;
      const card = board.current?.contains(element) ? element.closest<HTMLElement>('[data-order]') : null;
      // A dialog or a notice may come in between; what is done there concerns the same order.
      if (!card && !board.current?.contains(element)) return;
      last.current = card && {
        element,
        order: card.dataset.order ?? '',
        heading: card.closest('section')?.getAttribute('aria-labelledby') ?? null,
      };
    };
    document.addEventListener('focusin', remember);
    return () => document.removeEventListener('focusin', remember);
  }, []);

  // After every render: only then is it known which cards are gone.
  useEffect(() => {
    const held = last.current;
    const isLost = document.activeElement === document.body || document.activeElement === null;
    if (!held || held.element.isConnected || !isLost) return;
    const card = board.current?.querySelector<HTMLElement>(`[data-order="${held.order}"]`);
    const heading = held.heading ? document.getElementById(held.heading) : null;
    last.current = null;
    (card ?? heading ?? document.getElementById('content'))?.focus({ preventScroll: !card });
  });

  return board;
}
