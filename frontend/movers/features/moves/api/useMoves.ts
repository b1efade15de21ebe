import {
  addEvent,
  assignOrder,
  getOrderQueryKey,
  hasCode,
  unassignOrder,
  type AssignmentResult,
  type NewEvent,
  type Order,
  type ProblemError,
} from '@shared/api';
import { listsOfOrders, storeOrder } from '@shared/api/liveToCache';
import { notify, problemText } from '@shared/ui';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';

/** The answers that say: the order is not what you saw. */
export function isConflict(error: unknown): error is ProblemError {
  return hasCode(error, 'status_changed', 'illegal_move', 'undo_not_allowed', 'assignee_taken', 'order_closed');
}

export interface Moves {
  /**
   * Sends one event, whatever else is under way for the order: somebody typed it. Puts the answer where the order stands, and
   * announces it.
   */
  send: (order: Order, event: NewEvent) => Promise<void>;
  /** As `send`, for a button: a problem becomes a notice, and nothing is sent while a request for the order is under way. */
  press: (order: Order, event: NewEvent) => Promise<void>;
  undo: (order: Order) => Promise<void>;
  /** Without a mover: for oneself. False: a request for the order was under way, and nothing was sent. */
  assign: (order: Order, moverId?: string) => Promise<boolean>;
  unassign: (order: Order) => Promise<boolean>;
  /** Shows a conflict and reads the order again, for those who send something themselves. */
  showProblem: (error: unknown, order: Order) => void;
  isBusy: (order: Order) => boolean;
}

export function useMoves(): Moves {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { t: words } = useTranslation('orders');
  const queries = useQueryClient();
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());

  const readAgain = useCallback(
    (error: unknown, order: Order) => {
      if (hasCode(error, 'status_changed') && error.order) storeOrder(queries, error.order);
      else if (isConflict(error)) {
        void queries.invalidateQueries({ queryKey: getOrderQueryKey({ path: { order_id: order.id } }) });
        void queries.invalidateQueries(listsOfOrders);
      }
    },
    [queries],
  );

  const showProblem = (error: unknown, order: Order) => {
    readAgain(error, order);
    notify({ title: order.title, message: problemText(error, shared), tone: 'problem' });
  };

  /** One button's request for an order at a time, so that a second press is not a second move. False: it was not sent. */
  const during = async (order: Order, work: () => Promise<void>): Promise<boolean> => {
    if (busy.has(order.id)) return false;
    setBusy((held) => new Set(held).add(order.id));
    try {
      await work();
      return true;
    } finally {
      setBusy((held) => new Set([...held].filter((id) => id !== order.id)));
    }
  };

  const announce = (order: Order, undone: boolean) => {
    const status = words(`status.${order.status}`);
    notify({
      title: order.title,
      message: undone ? t('moves.undone', { status }) : t('moves.moved', { status }),
      action: !undone && order.undo ? { label: t('moves.undo'), run: () => void undo(order) } : undefined,
    });
  };

  const send = async (order: Order, event: NewEvent) => {
    const { data } = await addEvent({ path: { order_id: order.id }, body: event, throwOnError: true });
    storeOrder(queries, data.order, data.event);
    if (data.event.type === 'order.status_changed') announce(data.order, event.undo === true);
    else notify({ title: order.title, message: t('moves.noted') });
  };

  const press = async (order: Order, event: NewEvent) => {
    await during(order, () => send(order, event).catch((error) => showProblem(error, order)));
  };

  const undo = (order: Order) => press(order, { undo: true, expected_status: order.status });

  const hand = (order: Order, request: () => Promise<AssignmentResult>) =>
    during(order, async () => {
      try {
        const answer = await request();
        storeOrder(queries, answer.order, answer.event);
        const name = answer.order.assignee?.name;
        notify({ title: order.title, message: name ? t('assignee.done', { name }) : t('assignee.given_back') });
      } catch (error) {
        showProblem(error, order);
      }
    });

  const assign = (order: Order, moverId?: string) =>
    hand(order, async () => {
      const body = moverId ? { mover_id: moverId } : {};
      return (await assignOrder({ path: { order_id: order.id }, body, throwOnError: true })).data;
    });

  const unassign = (order: Order) =>
    hand(order, async () => (await unassignOrder({ path: { order_id: order.id }, throwOnError: true })).data);

  return {
    send,
    press,
    undo,
    assign,
    unassign,
    showProblem,
    isBusy: (order) => busy.has(order.id),
  };
}
