import i18next from 'i18next';
import { createElement } from 'react';
import { NoticeWithAction } from './NoticeWithAction';

export interface Notice {
  message: string;
  title?: string;
  tone?: 'good' | 'problem';
  /** One button in the notice, for example to take back what it tells of; the notice stays longer then. */
  action?: { label: string; run: () => void };
}

/** Loaded with the first notice: the sign-in page has none. The shell shows them. */
export function notify({ message, title, tone = 'good', action }: Notice) {
  void import('@mantine/notifications').then(({ notifications }) => {
    const run = () => {
      notifications.hide(id);
      action?.run();
    };
    const id = notifications.show({
      message: action ? createElement(NoticeWithAction, { message, label: action.label, run }) : message,
      title,
      color: tone === 'problem' ? 'var(--ot-danger)' : 'var(--ot-accent)',
      autoClose: action ? 12_000 : tone === 'problem' ? 8000 : 4000,
      withBorder: true,
      closeButtonProps: { 'aria-label': i18next.t('form.close', { ns: 'shared' }) },
    });
  });
}
