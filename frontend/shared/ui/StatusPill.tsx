import type { LiveStatus } from '../api/live';
import classes from './StatusPill.module.css';

export interface PillTexts {
  label: string;
  hint: string;
}

/** How current the page is. No kit and no i18next inside: the public page shows it too. */
export function StatusPill({ status, texts }: { status: LiveStatus; texts: PillTexts }) {
  return (
    <span className={classes.pill} data-live={status} title={texts.hint} role="status">
      <span className={classes.dot} aria-hidden="true" />
      {texts.label}
    </span>
  );
}
