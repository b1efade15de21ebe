import { useEffect, type ReactNode } from 'react';
import type { LiveStatus } from '@shared/api/live';
import { Logo } from '@shared/ui/Logo';
import { StatusPill } from '@shared/ui/StatusPill';
import texts from './texts.en.json';
import classes from './Frame.module.css';

/** The page's head and frame. Without `live` there is nothing to be followed, and no pill. */
export function Frame({ title, live, children }: { title: string; live?: LiveStatus; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${texts.name}`;
  }, [title]);
  return (
    <>
      <a href="#content" className={classes.skip}>
        {texts.skip}
      </a>
      <header className={classes.header}>
        <a href="/t/" className={classes.brand}>
          <Logo />
          <span>{texts.name}</span>
        </a>
        {live ? <StatusPill status={live} texts={{ label: texts.pill[live], hint: texts.pill_hint[live] }} /> : null}
      </header>
      <main id="content" tabIndex={-1} className={classes.main}>
        {children}
      </main>
    </>
  );
}
