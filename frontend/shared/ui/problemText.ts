import type { TFunction } from 'i18next';
import { ProblemError, UnreachableError } from '../api/problem';

/** What to tell a person about an error. Codes without a text of their own get the server's `detail`. */
export function problemText(error: unknown, t: TFunction<'shared'>): string {
  if (error instanceof UnreachableError) return t('problem.unreachable');
  if (!(error instanceof ProblemError)) return t('problem.other', { request: '–' });
  const status = error.order?.status ?? error.order_status;
  return t(`problem.${error.code}`, {
    ns: 'shared',
    defaultValue: error.status >= 500 ? t('problem.other', { request: error.request_id }) : error.detail,
    status: status ? t(`status.${status}`, { ns: 'orders' }).toLowerCase() : '',
    name: error.assignee?.name ?? '',
  });
}
