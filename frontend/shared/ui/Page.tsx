import type { ReactNode } from 'react';
import { usePageTitle } from './usePageTitle';
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

/** A page: title, heading, content. */
export function Page({ title, heading, actions, children, width = 'normal' }: PageProps) {
  const h1 = usePageTitle(title);
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
