import { Button, Group } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { CopyButton } from '../ui/CopyButton';
import classes from './Integrations.module.css';

interface ShownOnceProps {
  title: string;
  text: string;
  value: string;
  copy: string;
  kept: string;
  onKept: () => void;
}

/** A key or secret that the server never tells again. Takes the focus, and stays until somebody says that they have it. */
export function ShownOnce({ title, text, value, copy, kept, onKept }: ShownOnceProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // After the dialog that it was made in has given the focus back to its opener.
    const timer = setTimeout(() => heading.current?.focus(), 0);
    return () => clearTimeout(timer);
  }, [value]);
  return (
    <section className={classes.once} aria-label={title}>
      <h3 ref={heading} tabIndex={-1} className={classes.onceTitle}>
        {title}
      </h3>
      <p className={classes.warning}>
        <IconAlertTriangle size={20} aria-hidden="true" />
        <span>{text}</span>
      </p>
      <code className={classes.secret}>{value}</code>
      <Group gap="sm">
        <CopyButton value={value} label={copy} variant="filled" />
        <Button variant="default" onClick={onKept}>
          {kept}
        </Button>
      </Group>
    </section>
  );
}
