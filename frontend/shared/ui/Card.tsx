import type { ReactNode } from 'react';
import classes from './Card.module.css';

interface CardProps {
  title?: string;
  actions?: ReactNode;
  children: ReactNode;
  /** 2 below a page's heading. */
  level?: 2 | 3;
}

export function Card({ title, actions, children, level = 2 }: CardProps) {
  const Heading = `h${level}` as const;
  return (
    <section className={classes.card}>
      {title ? (
        <div className={classes.head}>
          <Heading className={classes.title}>{title}</Heading>
          {actions}
        </div>
      ) : null}
      {children}
    </section>
  );
}
