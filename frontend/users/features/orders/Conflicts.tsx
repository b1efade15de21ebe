import { Alert, Button } from '@mantine/core';
import { shortTime } from '@shared/orders';
import { IconGitMerge } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Conflict } from './rebase';
import classes from './Conflicts.module.css';

/** After a 412: the form holds the newer order with what was typed on top; where both changed a field, one may choose. */
export function Conflicts({ conflicts, take }: { conflicts: Conflict[]; take: (conflict: Conflict) => void }) {
  const { t } = useTranslation();
  const { t: words } = useTranslation('orders');
  return (
    <div role="alert">
      <Alert variant="light" icon={<IconGitMerge size={20} />} title={t('conflict.title')} role="presentation">
        <p className={classes.text}>{t(conflicts.length > 0 ? 'conflict.choose' : 'conflict.merged')}</p>
        {conflicts.length > 0 ? (
          <ul className={classes.list}>
            {conflicts.map((conflict) => (
              <li key={conflict.field}>
                <span>
                  <strong>{words(`field.${conflict.field}`)}</strong>
                  <span className={classes.theirs}>
                    {t('conflict.theirs')} {shown(conflict.theirs) || t('conflict.nothing')}
                  </span>
                </span>
                <Button size="compact-sm" variant="default" onClick={() => take(conflict)}>
                  {t('conflict.take')}
                </Button>
              </li>
            ))}
          </ul>
        ) : null}
      </Alert>
    </div>
  );
}

/** A form's value in words. */
function shown(value: unknown): string {
  if (typeof value === 'boolean') return value ? '✓' : '–';
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? shortTime(value) : value;
  if (Array.isArray(value)) return value.map(({ key, value: text }) => `${key}: ${text}`).join(', ');
  return Object.values(value as Record<string, string>)
    .filter(Boolean)
    .join(', ');
}
