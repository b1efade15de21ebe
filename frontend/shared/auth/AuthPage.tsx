import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Logo } from '../ui/Logo';
import classes from './AuthPage.module.css';

interface AuthPageProps {
  /** The app's name, beside the logo. */
  name: string;
  title: string;
  intro?: string;
  children: ReactNode;
  /** Below the form: the way to the other form. */
  footer?: ReactNode;
}

/** The frame of signing in, registering and joining. */
export function AuthPage({ name, title, intro, children, footer }: AuthPageProps) {
  const { t } = useTranslation('shared');
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title, t]);
  return (
    <div className={classes.page}>
      <main className={classes.main}>
        <p className={classes.brand}>
          <Logo size={36} />
          <span>{name}</span>
        </p>
        <div className={classes.card}>
          <h1 className={classes.title}>{title}</h1>
          {intro ? <p className={classes.intro}>{intro}</p> : null}
          {children}
        </div>
        {footer ? <p className={classes.footer}>{footer}</p> : null}
      </main>
    </div>
  );
}
