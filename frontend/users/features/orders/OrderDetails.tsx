import type { Order } from '@shared/api';
import { absoluteTime, PlannedTime, shortTime } from '@shared/orders';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './OrderDetails.module.css';

/** What the owner said of the order; fields that are empty are left out. */
export function OrderDetails({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { recipient } = order;
  return (
    <dl className={classes.details}>
      <Row name={t('order.field.description')}>{order.description}</Row>
      <Row name={t('order.field.reference')}>{order.reference}</Row>
      <Row name={t('order.recipient')}>
        {recipient.name || recipient.phone ? (
          <>
            {recipient.name}
            {recipient.phone ? (
              <a className={classes.phone} href={`tel:${recipient.phone.replace(/\s/g, '')}`}>
                {recipient.phone}
              </a>
            ) : null}
          </>
        ) : null}
      </Row>
      <Row name={t('order.field.pickup_address')}>{order.pickup_address}</Row>
      <Row name={t('order.field.delivery_address')}>{order.delivery_address}</Row>
      <Row name={t('order.field.due_at')}>{order.due_at ? <PlannedTime time={order.due_at} /> : null}</Row>
      <Row name={t('order.assignee')}>{order.assignee?.name}</Row>
      {Object.entries(order.metadata).map(([key, value]) => (
        <Row key={key} name={key}>
          {value}
        </Row>
      ))}
      <Row name={t('order.created')}>
        <time dateTime={order.created_at} title={absoluteTime(order.created_at)}>
          {shortTime(order.created_at)}
        </time>
      </Row>
    </dl>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
