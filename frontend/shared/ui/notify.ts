export interface Notice {
  message: string;
  title?: string;
  tone?: 'good' | 'problem';
}

/** Loaded with the first notice: the sign-in page has none. NotificationHost (in the shell) shows them. */
export function notify({ message, title, tone = 'good' }: Notice) {
  void import('@mantine/notifications').then(({ notifications }) =>
    notifications.show({
      message,
      title,
      color: tone === 'problem' ? 'var(--ot-danger)' : 'var(--ot-accent)',
      autoClose: tone === 'problem' ? 8000 : 4000,
      withBorder: true,
    }),
  );
}
