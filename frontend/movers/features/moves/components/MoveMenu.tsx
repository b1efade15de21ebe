import { ActionIcon, Menu } from '@mantine/core';
import type { Order } from '@shared/api';
import { useAccount } from '@shared/auth';
import { isOpen, StatusIcon, useOrderText } from '@shared/orders';
import { IconArrowBackUp, IconDots, IconFileDescription, IconHandGrab, IconHandStop, IconMessagePlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { canUndo, likelyMove, otherMoves } from '../api/nextMove';
import { useMovesContext } from './MovesProvider';

/** Everything else that can be done with an order from the board. */
export function MoveMenu({ order }: { order: Order }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" width={260} withinPortal>
      <Menu.Target>
        <ActionIcon variant="default" size={50} aria-label={t('moves.menu', { title: order.title })}>
          <IconDots size={22} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Items order={order} />
      </Menu.Dropdown>
    </Menu>
  );
}

function Items({ order }: { order: Order }) {
  const { t } = useTranslation();
  const text = useOrderText();
  const account = useAccount();
  const { move, moveWithDetails, undo, assign, unassign } = useMovesContext();
  const next = likelyMove(order);
  const isMine = order.assignee?.id === account.id;
  const mayBeTaken = isOpen(order.status) && !order.assignee;
  const mayBeGivenBack = isOpen(order.status) && isMine;
  return (
    <>
      {otherMoves(order).map((target) => (
        <Menu.Item
          key={target}
          data-danger={target === 'cancelled' || undefined}
          leftSection={<StatusIcon status={target} size={18} />}
          onClick={() => move(order, target)}
        >
          {t(`moves.to.${target}`)}
        </Menu.Item>
      ))}
      {next && next !== 'unknown' ? (
        <Menu.Item leftSection={<IconMessagePlus size={18} />} onClick={() => moveWithDetails(order, next)}>
          {t('moves.with_details', { move: t(`moves.to.${next}`) })}
        </Menu.Item>
      ) : null}
      {canUndo(order) && order.undo ? (
        <Menu.Item leftSection={<IconArrowBackUp size={18} />} onClick={() => void undo(order)}>
          {t('moves.undo_to', { status: text(`status.${order.undo.status}`) })}
        </Menu.Item>
      ) : null}
      {mayBeTaken ? (
        <Menu.Item leftSection={<IconHandGrab size={18} />} onClick={() => void assign(order)}>
          {t('assignee.take')}
        </Menu.Item>
      ) : null}
      {mayBeGivenBack ? (
        <Menu.Item leftSection={<IconHandStop size={18} />} onClick={() => void unassign(order)}>
          {t('assignee.give_back')}
        </Menu.Item>
      ) : null}
      <Menu.Item component={Link} to={`/orders/${order.id}`} leftSection={<IconFileDescription size={18} />}>
        {t('moves.open')}
      </Menu.Item>
    </>
  );
}
