import { useEffect, useRef, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';

/**
 * Gives the document a page's title, and the focus to its heading (which takes the ref, and `tabIndex={-1}`) after a
 * navigation, so that the keyboard and the screen reader are where the eye is.
 */
export function usePageTitle(title: string): RefObject<HTMLHeadingElement | null> {
  const { t } = useTranslation('shared');
  const h1 = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title, t]);
  const { key, pathname } = useLocation();
  // 'default' is the entry by which the app was opened: there the browser has placed the focus.
  const isFirst = useRef(key === 'default');
  useEffect(() => {
    if (!isFirst.current) {
      h1.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [pathname]);
  return h1;
}
