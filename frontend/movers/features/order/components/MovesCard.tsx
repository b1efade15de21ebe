import { Button } from '@mantine/core';
import type { Order } from '@shared/api';
import { StatusIcon, useNow, useOrderText } from '@shared/orders';
import { timeLocale } from '@shared/orders/time';
import { IconArrowBackUp, IconMessagePlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { canUndo, likelyMove, otherMoves } from '../../moves/api/nextMove';
import { MoveButton } from '../../moves/components/MoveButton';
import { useMovesContext } from '../../moves/components/MovesProvider';
import { useKeepFocus } from '../api/keepFocus';
import classes from './MovesCard.module.css';

/** All that may be done with the order now, the likeliest first and biggest. */
export function MovesCard({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { move, moveWithDetails } = useMovesContext();
  const group = useKeepFocus<HTMLDivElement>();
  const next = likelyMove(order);
  const others = otherMoves(order);
  return (
    <div ref={group} tabIndex={-1} className={classes.moves} role="group" aria-label={t('moves.label')}>
      {next ? (
        <div className={classes.next}>
          <MoveButton order={order} size="xl" />
          {next === 'unknown' ? null : (
            <Button
              variant="subtle"
              size="md"
              leftSection={<IconMessagePlus size={18} />}
              onClick={() => moveWithDetails(order, next)}
            >
              {t('moves.with_details', { move: t(`moves.to.${next}`) })}
            </Button>
          )}
        </div>
      ) : (
        <p className={classes.end}>{t('moves.none')}</p>
      )}
      {others.length > 0 ? (
        <div className={classes.others}>
          {others.map((target) => (
            <Button
              key={target}
              size="md"
              variant="default"
              className={classes.other}
              data-status={target}
              leftSection={<StatusIcon status={target} size={18} />}
              onClick={() => move(order, target)}
            >
              {t(`moves.to.${target}`)}
            </Button>
          ))}
        </div>
      ) : null}
      <UndoLine order={order} />
    </div>
  );
}

function UndoLine({ order }: { order: Order }) {
  const { t } = useTranslation();
  const text = useOrderText();
  const now = useNow();
  const { undo } = useMovesContext();
  if (!order.undo || !canUndo(order, now)) return null;
  const { until, status } = order.undo;
  const time = until && new Date(until).toLocaleTimeString(timeLocale(), { hour: '2-digit', minute: '2-digit' });
  return (
    <div className={classes.undo}>
      <p className={classes.undoText}>
        {time ? t('moves.undo_until', { time }) : t('moves.undo_always')}
      </p>
      <Button
        variant="default"
        size="md"
        leftSection={<IconArrowBackUp size={18} />}
        onClick={() => void undo(order)}
      >
        {t('moves.undo_to', { status: text(`status.${status}`) })}
      </Button>
    </div>
  );
}
