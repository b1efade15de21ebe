import { Alert } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import classes from './FormProblem.module.css';

/** What is wrong with a form as a whole. The place is always there, so that a screen reader announces what comes in. */
export function FormProblem({ text }: { text: string | null }) {
  return (
    <div role="alert" className={classes.place}>
      {text ? (
        <Alert color="red" variant="light" icon={<IconAlertTriangle size={20} />} role="presentation">
          {text}
        </Alert>
      ) : null}
    </div>
  );
}
