import type { Order } from '@shared/api';
import { useAccount } from '@shared/auth';
import { isOpen, PlannedTime, RelativeTime, useNow } from '@shared/orders';
import { IconAlarm, IconClock, IconClockCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import classes from './OrderFacts.module.css';

/** When it is due, or that it is late; else when it is expected; else how old it is. */
export function DueTime({ order }: { order: Order }) {
  const { t } = useTranslation();
  const now = useNow();
  const { due_at, estimated_at, completed_at } = order;
  if (completed_at) {
    return (
      <span className={classes.fact}>
        <IconClockCheck size={18} aria-hidden="true" />
        <span>
          {t('due.completed')} <RelativeTime time={completed_at} />
        </span>
      </span>
    );
  }
  if (due_at && isOpen(order.status)) {
    const isLate = Date.parse(due_at) < now;
    const Icon = isLate ? IconAlarm : IconClock;
    return (
      <span className={classes.fact} data-late={isLate || undefined}>
        <Icon size={18} aria-hidden="true" />
        <span>
          {t(isLate ? 'due.late' : 'due.due')} {isLate ? <RelativeTime time={due_at} /> : <PlannedTime time={due_at} />}
        </span>
      </span>
    );
  }
  return (
    <span className={classes.fact}>
      <IconClock size={18} aria-hidden="true" />
      {estimated_at ? (
        <span>
          {t('due.expected')} <PlannedTime time={estimated_at} />
        </span>
      ) : (
        <span>
          {t('due.created')} <RelativeTime time={order.created_at} />
        </span>
      )}
    </span>
  );
}

export function Assignee({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { id } = useAccount();
  const { assignee } = order;
  const isMine = assignee?.id === id;
  return (
    <span className={classes.fact} data-nobody={assignee ? undefined : true} data-mine={isMine || undefined}>
      <span className={classes.initial} aria-hidden="true">
        {assignee ? [...assignee.name][0]?.toUpperCase() : null}
      </span>
      <span className={classes.name}>
        {assignee ? (isMine ? t('assignee.you') : assignee.name) : t('assignee.nobody')}
      </span>
    </span>
  );
}
