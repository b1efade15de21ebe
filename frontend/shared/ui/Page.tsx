import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { useTranslation } from 'react-i18next';
import classes from './Page.module.css';

interface PageProps {
  /** The page's only h1, and its document title. */
  title: string;
  /** Stands in place of the title where that needs more than text; the h1 is still `title`. */
  heading?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  width?: 'narrow' | 'normal' | 'wide';
}

/**
 * A page: title, heading, content. After a navigation the focus goes to the heading, so that the keyboard and the screen
 * reader are where the eye is.
 */
export function Page({ title, heading, actions, children, width = 'normal' }: PageProps) {
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

  return (
    <div className={classes.page} data-width={width}>
      <div className={classes.head}>
        <h1 ref={h1} tabIndex={-1} className={classes.title}>
          {heading ?? title}
        </h1>
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </div>
      {children}
    </div>
  );
}
