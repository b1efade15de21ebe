import type * as z from 'zod/mini';

/** What a field's rule says when it is broken: a key of the texts (`violation.too_long`), and the numbers in it. */
export interface FieldIssue {
  path: string;
  code: 'missing' | 'too_short' | 'too_long' | 'too_many' | 'invalid_format' | 'invalid_value';
  limit?: number;
}

/**
 * zod/mini says only "Invalid input". Its issues carry enough to say it properly, in the same words (and with the same
 * codes) as the server's violations.
 */
export function fieldIssues(error: z.core.$ZodError): FieldIssue[] {
  return error.issues.map((issue) => ({ path: issue.path.join('.'), ...toCode(issue) }));
}

function toCode(issue: z.core.$ZodIssue): Pick<FieldIssue, 'code' | 'limit'> {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'string' && (issue.minimum === 1 || issue.input === '')
        ? { code: 'missing' }
        : { code: 'too_short', limit: Number(issue.minimum) };
    case 'too_big':
      return issue.origin === 'string'
        ? { code: 'too_long', limit: Number(issue.maximum) }
        : { code: 'too_many', limit: Number(issue.maximum) };
    case 'invalid_type':
      return issue.input === undefined || issue.input === null ? { code: 'missing' } : { code: 'invalid_value' };
    case 'invalid_format':
      return { code: 'invalid_format' };
    default:
      return { code: 'invalid_value' };
  }
}
