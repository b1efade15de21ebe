import { useId, type ReactNode } from 'react';
import classes from './Integrations.module.css';

/** Several checkboxes that answer one question. */
export function Choices({ label, error, children }: { label: string; error: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <div role="group" aria-labelledby={id} className={classes.choices}>
      <span id={id} className={classes.choicesLabel}>
        {label}
      </span>
      {children}
      {error ? <p className={classes.error}>{error}</p> : null}
    </div>
  );
}
