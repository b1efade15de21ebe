import { Button, Loader, type ButtonProps } from '@mantine/core';
import type { Order } from '@shared/api';
import { StatusIcon } from '@shared/orders';
import { IconArrowBackUp } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { canUndo, likelyMove } from '../api/nextMove';
import { useMovesContext } from './MovesProvider';

interface MoveButtonProps extends ButtonProps {
  order: Order;
  /** The element that says which order it is: a board has many buttons that say "Start". */
  describedBy?: string;
}

/**
 * The one big button: the likeliest move, as the server names it. It is never disabled, since that would take the focus
 * away from whoever pressed it; a second press while the first is on its way does nothing.
 */
export function MoveButton({ order, describedBy, ...button }: MoveButtonProps) {
  const { t } = useTranslation();
  const { move, undo, isBusy } = useMovesContext();
  const next = likelyMove(order);
  const busy = <Loader size={20} color="currentColor" />;
  const shape: ButtonProps = { size: 'lg', fullWidth: true, ...button };
  if (next === 'unknown') {
    return (
      <Button {...shape} data-disabled aria-disabled aria-describedby={describedBy}>
        {t('moves.updating')}
      </Button>
    );
  }
  if (next) {
    return (
      <Button
        {...shape}
        aria-busy={isBusy(order)}
        leftSection={isBusy(order) ? busy : <StatusIcon status={next} size={20} />}
        aria-describedby={describedBy}
        onClick={() => move(order, next)}
      >
        {t(`moves.to.${next}`)}
      </Button>
    );
  }
  if (!canUndo(order)) return null;
  return (
    <Button
      {...shape}
      variant="default"
      aria-busy={isBusy(order)}
      leftSection={isBusy(order) ? busy : <IconArrowBackUp size={20} />}
      aria-describedby={describedBy}
      onClick={() => void undo(order)}
    >
      {t('moves.undo')}
    </Button>
  );
}
