import { Checkbox, type CheckboxProps } from '@mantine/core';
import { useId } from 'react';
import classes from './Integrations.module.css';

/** A checkbox with a sentence below; the kit would make the sentence a part of its name. */
export function Choice({ hint, ...checkbox }: CheckboxProps & { hint?: string }) {
  const id = useId();
  return (
    <div className={classes.choice}>
      <Checkbox {...checkbox} aria-describedby={hint ? id : undefined} />
      {hint ? (
        <p id={id} className={classes.choiceHint}>
          {hint}
        </p>
      ) : null}
    </div>
  );
}
