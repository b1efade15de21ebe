import { Button } from '@mantine/core';
import classes from './NoticeWithAction.module.css';

export function NoticeWithAction({ message, label, run }: { message: string; label: string; run: () => void }) {
  return (
    <span className={classes.notice}>
      <span className={classes.message}>{message}</span>
      <Button variant="light" size="sm" className={classes.button} onClick={run}>
        {label}
      </Button>
    </span>
  );
}
