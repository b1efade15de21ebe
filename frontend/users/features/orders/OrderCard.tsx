import type { Order } from '@shared/api';
import { isOpen, OrderIdText, PlannedTime, RelativeTime, StatusBadge, useNow } from '@shared/orders';
import { IconCalendarDue, IconMapPin } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import classes from './OrderCard.module.css';

/** One order of the list; the whole card is the link. */
export function OrderCard({ order }: { order: Order }) {
  const { t } = useTranslation();
  const place = [order.recipient.name, order.delivery_address].filter(Boolean).join(', ');
  return (
    <article className={classes.card} data-status={order.status}>
      <div className={classes.what}>
        <h2 className={classes.title}>
          <Link to={`/orders/${order.id}`} className={classes.link}>
            {order.title}
          </Link>
        </h2>
        <p className={classes.facts}>
          <OrderIdText id={order.id} size="sm" />
          {order.reference ? <span>{order.reference}</span> : null}
        </p>
      </div>
      <div className={classes.status}>
        <StatusBadge status={order.status} />
        <span className={classes.updated}>
          <RelativeTime time={order.updated_at} />
        </span>
      </div>
      {place || order.due_at ? (
        <p className={classes.place}>
          {place ? (
            <span>
              <IconMapPin size={15} aria-hidden="true" />
              <span className={classes.address}>{place}</span>
            </span>
          ) : null}
          {order.due_at ? <Due order={order} label={t('orders.due')} late={t('orders.late')} /> : null}
        </p>
      ) : null}
    </article>
  );
}

function Due({ order, label, late }: { order: Order; label: string; late: string }) {
  const now = useNow();
  if (!order.due_at) return null;
  const isLate = isOpen(order.status) && Date.parse(order.due_at) < now;
  return (
    <span data-late={isLate || undefined} className={classes.due}>
      <IconCalendarDue size={15} aria-hidden="true" />
      <span>
        {isLate ? late : label} <PlannedTime time={order.due_at} />
      </span>
    </span>
  );
}
