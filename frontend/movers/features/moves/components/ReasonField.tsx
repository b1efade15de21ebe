import type { Reason } from '@shared/api';
import { reasons, useOrderText } from '@shared/orders';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './ReasonField.module.css';

interface ReasonFieldProps {
  value: Reason | '';
  onChange: (reason: Reason) => void;
  error?: string;
}

/** One tap each: nine reasons in a select would be two taps and a search on a phone. */
export function ReasonField({ value, onChange, error }: ReasonFieldProps) {
  const { t } = useTranslation();
  const text = useOrderText();
  const id = useId();
  return (
    <fieldset
      className={classes.field}
      role="radiogroup"
      aria-required="true"
      aria-invalid={error ? true : undefined}
      aria-describedby={`${id}-hint${error ? ` ${id}-error` : ''}`}
      // So that the form can bring one here when the reason is missing.
      tabIndex={-1}
    >
      <legend className={classes.legend}>{t('moves.reason')}</legend>
      <p id={`${id}-hint`} className={classes.hint}>
        {t('moves.everyone_sees')}
      </p>
      <div className={classes.reasons}>
        {reasons.map((reason) => (
          <label key={reason} className={classes.reason}>
            <input
              type="radio"
              name={`${id}-reason`}
              className={classes.radio}
              checked={value === reason}
              onChange={() => onChange(reason)}
            />
            <span>{text(`reason.${reason}`)}</span>
          </label>
        ))}
      </div>
      {error ? (
        <p id={`${id}-error`} className={classes.error}>
          {error}
        </p>
      ) : null}
    </fieldset>
  );
}
