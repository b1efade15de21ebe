import { Button } from '@mantine/core';
import { IconCloudOff, IconMapPinOff, IconPlugConnectedX } from '@tabler/icons-react';
import type { ReactNode, Ref } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { UnreachableError } from '../api/problem';
import { problemText } from './problemText';
import { usePageTitle } from './usePageTitle';
import classes from './states.module.css';

interface MessageProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  tone?: 'plain' | 'problem';
  /** The level of the heading where the message stands; a page that is nothing else gives 1. */
  level?: 1 | 2 | 3;
  /** Where the heading takes the focus. */
  headingRef?: Ref<HTMLHeadingElement>;
}

/** What stands in the place of content: nothing there yet, nothing found, something wrong. */
export function Message({ icon, title, children, action, tone = 'plain', level = 2, headingRef }: MessageProps) {
  const Heading = `h${level}` as const;
  return (
    <div className={classes.message} data-tone={tone}>
      <div className={classes.icon} aria-hidden="true">
        {icon}
      </div>
      <Heading ref={headingRef} tabIndex={headingRef ? -1 : undefined} className={classes.title}>
        {title}
      </Heading>
      <div className={classes.text}>{children}</div>
      {action ? <div className={classes.action}>{action}</div> : null}
    </div>
  );
}

/** A read that failed, with the way to try again. */
export function ErrorMessage({ error, retry, level }: { error: unknown; retry?: () => unknown; level?: 1 | 2 | 3 }) {
  const { t } = useTranslation('shared');
  const Icon = error instanceof UnreachableError ? IconCloudOff : IconPlugConnectedX;
  return (
    <div role="alert">
      <Message
        tone="problem"
        level={level}
        icon={<Icon size={28} />}
        title={t('state.error_title')}
        action={
          retry ? (
            <Button variant="light" onClick={() => void retry()}>
              {t('state.retry')}
            </Button>
          ) : null
        }
      >
        {problemText(error, t)}
      </Message>
    </div>
  );
}

/** The whole of a page that is not there, with the way to one that is. */
export function NotFoundMessage({ action }: { action?: ReactNode }) {
  const { t } = useTranslation('shared');
  const title = t('state.not_found_title');
  const h1 = usePageTitle(title);
  const toStart = (
    <Button component={Link} to="/" variant="light">
      {t('state.back_home')}
    </Button>
  );
  return (
    <Message level={1} headingRef={h1} icon={<IconMapPinOff size={28} />} title={title} action={action ?? toStart}>
      {t('state.not_found')}
    </Message>
  );
}

/** Says "loading" to those who don't see the skeletons. */
export function Loading({ children }: { children?: ReactNode }) {
  const { t } = useTranslation('shared');
  return (
    <div aria-busy="true" role="status">
      <span className={classes.hidden}>{t('app.loading')}</span>
      <div aria-hidden="true">{children}</div>
    </div>
  );
}
