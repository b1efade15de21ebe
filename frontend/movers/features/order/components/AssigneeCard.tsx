import { Button } from '@mantine/core';
import type { Order } from '@shared/api';
import { useAccount } from '@shared/auth';
import { isOpen } from '@shared/orders';
import { Card } from '@shared/ui';
import { IconArrowsExchange, IconHandGrab, IconHandStop } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { late } from '../../../late';
import { useMovesContext } from '../../moves/components/MovesProvider';
import { useKeepFocus } from '../api/keepFocus';
import classes from './AssigneeCard.module.css';

const HandOverDialog = late(() => import('./HandOverDialog'));

/** Who has the order. Taken by another, it is theirs to hand over; an admin may always. When it is closed, nobody may. */
export function AssigneeCard({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { id, role } = useAccount();
  const { assign, unassign } = useMovesContext();
  const group = useKeepFocus<HTMLDivElement>();
  const [isHanding, setIsHanding] = useState(false);
  const { assignee } = order;
  const isMine = assignee?.id === id;
  const mayChange = assignee === null || isMine || role === 'admin';
  return (
    <Card title={t('assignee.title')}>
      <p className={classes.who} data-nobody={assignee ? undefined : true}>
        <span className={classes.initial} data-mine={isMine || undefined} aria-hidden="true">
          {assignee ? [...assignee.name][0]?.toUpperCase() : null}
        </span>
        {assignee ? (isMine ? t('assignee.you_name', { name: assignee.name }) : assignee.name) : t('assignee.nobody')}
      </p>
      {!isOpen(order.status) ? null : mayChange ? (
        <div ref={group} tabIndex={-1} role="group" aria-label={t('assignee.title')} className={classes.buttons}>
          {isMine ? null : (
            <Button
              size="md"
              variant={assignee ? 'default' : 'light'}
              leftSection={<IconHandGrab size={18} />}
              onClick={() => void assign(order)}
            >
              {t(assignee ? 'assignee.take_over' : 'assignee.take')}
            </Button>
          )}
          <Button
            size="md"
            variant="default"
            leftSection={<IconArrowsExchange size={18} />}
            onClick={() => setIsHanding(true)}
          >
            {t('assignee.hand_over')}
          </Button>
          {assignee ? (
            <Button
              size="md"
              variant="default"
              leftSection={<IconHandStop size={18} />}
              onClick={() => void unassign(order)}
            >
              {t('assignee.give_back')}
            </Button>
          ) : null}
        </div>
      ) : (
        <p className={classes.hint}>{t('assignee.not_yours', { name: assignee.name })}</p>
      )}
      {isHanding ? (
        <HandOverDialog order={order} onClose={() => setIsHanding(false)} onLost={() => setIsHanding(false)} />
      ) : null}
    </Card>
  );
}
