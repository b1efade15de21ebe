import { IconLock, IconWorld } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import classes from './Audience.module.css';

/** Who will read what is typed here. */
export function Audience({ kind, more }: { kind: 'public' | 'private'; more?: string }) {
  const { t } = useTranslation();
  const Icon = kind === 'public' ? IconWorld : IconLock;
  return (
    <span className={classes.audience} data-kind={kind}>
      <Icon size={14} aria-hidden="true" />
      <span>
        {t(`audience.${kind}`)}
        {more ? ` ${more}` : null}
      </span>
    </span>
  );
}
