import { useForm, type UseFormInput, type UseFormReturnType } from '@mantine/form';
import type { TFunction } from 'i18next';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type * as z from 'zod/mini';
import { fieldIssues } from '../api/issues';
import { ProblemError, pointerToPath } from '../api/problem';
import type { Violation } from '../api/generated/types.gen';
import { problemText } from './problemText';

type Values = Record<string, unknown>;

interface ApiFormOptions<V extends Values, B> extends UseFormInput<V> {
  /** The request's body; the paths of its fields are the names of the form's fields. */
  toBody: (values: V) => B;
  /** From the generated contract (`zNewOrder`): checked before anything is sent. */
  schema?: z.ZodMiniType;
  send: (body: B, values: V) => Promise<unknown>;
  /** A chance to deal with an error in another way; true: nothing is shown in the form. */
  onError?: (error: unknown) => boolean;
  /** Codes that belong to one field, for example `{ email_taken: 'email' }`. */
  fieldOfCode?: Partial<Record<ProblemError['code'], string>>;
  /** Where the form names a field otherwise than the body: the path in the body → the field's. */
  fieldOfPath?: (path: string, values: V) => string;
}

export interface ApiForm<V extends Values> {
  form: UseFormReturnType<V>;
  /** For <form {...formProps}>. */
  formProps: { onSubmit: (event: FormEvent<HTMLFormElement>) => void; noValidate: true };
  /** What went wrong that no field can show; null when nothing did. */
  problem: string | null;
  sending: boolean;
}

/**
 * A form that sends one request. Each violation (the contract's, found here, or the server's `errors[].pointer`) stands at
 * its field and the first of them gets the focus; everything else stands above the button.
 */
export function useApiForm<V extends Values, B>(options: ApiFormOptions<V, B>): ApiForm<V> {
  const { toBody, schema, send, onError, fieldOfCode = {}, fieldOfPath = (path) => path, ...input } = options;
  const { t } = useTranslation('shared');
  const form = useForm<V>({ mode: 'controlled', ...input });
  const [problem, setProblem] = useState<string | null>(null);
  const [sending, setSending] = useState(false);
  const element = useRef<HTMLFormElement | null>(null);
  // How often errors were shown. An effect, because the fields have to be marked by then, however busy the machine is.
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (shown > 0) element.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [shown]);

  const fieldIn = (values: V, path: string) => {
    const field = fieldOfPath(path, values);
    return field && hasPath(values, field) ? field : null;
  };

  const show = (errors: Record<string, string>, otherwise: string | null) => {
    form.setErrors(errors);
    setProblem(otherwise);
    setShown((times) => times + 1);
  };

  const showProblem = (error: unknown) => {
    if (!(error instanceof ProblemError)) return show({}, problemText(error, t));
    const field = fieldOfCode[error.code];
    if (field) return show({ [field]: problemText(error, t) }, null);
    const { atFields, elsewhere } = sortViolations(error.errors, (path) => fieldIn(form.getValues(), path), t);
    const rest = elsewhere.length > 0 ? elsewhere.join(' ') : null;
    show(atFields, Object.keys(atFields).length > 0 ? rest : (rest ?? problemText(error, t)));
  };

  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (sending) return;
    element.current = event.currentTarget;
    const values = form.getValues();
    try {
      const body = toBody(values);
      const found: Record<string, string> = {};
      for (const { path, code, limit } of checked(schema, body)) {
        found[fieldOfPath(path, values)] ??= t(`violation.${code}`, { limit });
      }
      for (const [path, text] of Object.entries(form.validate().errors)) if (text) found[path] = String(text);
      if (Object.keys(found).length > 0) return show(found, null);

      form.clearErrors();
      setProblem(null);
      setSending(true);
      await send(body, values);
    } catch (error) {
      if (!onError?.(error)) showProblem(error);
    } finally {
      setSending(false);
    }
  };

  return { form, formProps: { onSubmit, noValidate: true }, problem, sending };
}

function checked(schema: z.ZodMiniType | undefined, body: unknown) {
  const result = schema?.safeParse(body, { reportInput: true });
  return result?.success === false ? fieldIssues(result.error) : [];
}

/** Codes whose own wording is better than the server's; for the others its `detail` says what exactly is wrong. */
const ownWords = new Set<Violation['code']>(['missing', 'empty', 'reason_required', 'incorrect']);

function sortViolations(violations: Violation[], fieldOf: (path: string) => string | null, t: TFunction<'shared'>) {
  const atFields: Record<string, string> = {};
  const elsewhere: string[] = [];
  for (const { pointer, code, detail } of violations) {
    const field = pointer ? fieldOf(pointerToPath(pointer)) : null;
    const text = ownWords.has(code) ? t(`violation.${code}`) : detail;
    if (field) atFields[field] ??= text;
    else elsewhere.push(detail);
  }
  return { atFields, elsewhere };
}

function hasPath(values: unknown, path: string): boolean {
  return path.split('.').reduce<unknown>((node, key) => (node as Values | undefined)?.[key], values) !== undefined;
}
