import { Checkbox } from '@mantine/core';
import type { Order } from '@shared/api';
import { OrderIdText, StatusBadge } from '@shared/orders';
import { useId, type MouseEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { MoveButton } from '../../moves/components/MoveButton';
import { MoveMenu } from '../../moves/components/MoveMenu';
import type { Selection } from '../api/selection';
import classes from './OrderCard.module.css';
import { Assignee, DueTime } from './OrderFacts';
import { Route } from './Route';

interface OrderCardProps {
  order: Order;
  isFresh: boolean;
  selection: Selection;
}

export function OrderCard({ order, isFresh, selection }: OrderCardProps) {
  const { t } = useTranslation();
  const titleId = useId();
  const isSelected = selection.ids.has(order.id);
  // The box is what keyboards and screen readers use; for thumbs the whole card is the box.
  const selectByCard = ({ target }: MouseEvent) => {
    if (selection.isOn && !(target as Element).closest('a, input, label')) selection.set(order.id, !isSelected);
  };
  return (
    <article
      className={classes.card}
      aria-labelledby={titleId}
      // Where the focus goes when the order has changed its column.
      tabIndex={-1}
      data-order={order.id}
      data-status={order.status}
      data-fresh={isFresh || undefined}
      data-selected={isSelected || undefined}
      data-selectable={selection.isOn || undefined}
      onClick={selectByCard}
    >
      <div className={classes.top}>
        {selection.isOn ? (
          <Checkbox
            size="md"
            checked={isSelected}
            onChange={({ currentTarget }) => selection.set(order.id, currentTarget.checked)}
            aria-label={t('batch.select', { title: order.title })}
          />
        ) : null}
        <span className={classes.id}>
          <OrderIdText id={order.id} size="sm" />
        </span>
        <StatusBadge status={order.status} size="sm" />
      </div>
      <h3 id={titleId} className={classes.title}>
        <Link to={`/orders/${order.id}`} className={classes.link}>
          {order.title}
        </Link>
      </h3>
      <Route order={order} />
      <div className={classes.facts}>
        <DueTime order={order} />
        <Assignee order={order} />
      </div>
      {selection.isOn ? null : (
        <div className={classes.actions}>
          <MoveButton order={order} describedBy={titleId} />
          <MoveMenu order={order} />
        </div>
      )}
    </article>
  );
}
