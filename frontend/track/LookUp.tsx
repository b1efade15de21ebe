import { useRef, useState, type FormEvent } from 'react';
import { readOrderId } from '@shared/orders';
import texts from './texts.en.json';
import classes from './LookUp.module.css';

/** The field for an order ID: takes it as people write it down. */
export function LookUp({ open, initial = '', focus = false }: { open: (id: string) => void; initial?: string; focus?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(initial);
  const [invalid, setInvalid] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const id = readOrderId(typed);
    setInvalid(!id);
    if (id) open(id);
    else input.current?.focus();
  };
  return (
    <form onSubmit={submit} className={classes.form} noValidate>
      <label htmlFor="order-id" className={classes.label}>
        {texts.look_up.label}
      </label>
      <div className={classes.row}>
        <input
          ref={input}
          id="order-id"
          className={classes.input}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setInvalid(false);
          }}
          placeholder={texts.look_up.example}
          autoComplete="off"
          autoCapitalize="characters"
          autoCorrect="off"
          spellCheck={false}
          maxLength={40}
          // The page is nothing but this field, so it is where one wants to be.
          autoFocus={focus}
          aria-invalid={invalid || undefined}
          aria-describedby="order-id-problem"
        />
        <button type="submit" className={classes.button}>
          {texts.look_up.submit}
        </button>
      </div>
      <p id="order-id-problem" role="alert" className={classes.problem}>
        {invalid ? texts.look_up.invalid : null}
      </p>
    </form>
  );
}
