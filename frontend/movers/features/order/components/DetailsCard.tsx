import type { Order } from '@shared/api';
import { PlannedTime, RelativeTime, isOpen, useNow } from '@shared/orders';
import { Card } from '@shared/ui';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './DetailsCard.module.css';

/** What is to be moved, from where to where, for whom. */
export function DetailsCard({ order }: { order: Order }) {
  const { t } = useTranslation();
  const now = useNow();
  const { recipient, due_at } = order;
  const isLate = due_at !== null && isOpen(order.status) && Date.parse(due_at) < now;
  return (
    <Card title={t('details.title')}>
      <dl className={classes.list}>
        <Row label={t('details.pickup')}>{order.pickup_address}</Row>
        <Row label={t('details.delivery')}>{order.delivery_address}</Row>
        <Row label={t('details.recipient')}>
          {recipient.name || recipient.phone ? (
            <>
              {recipient.name}
              {recipient.phone ? (
                <a className={classes.phone} href={`tel:${recipient.phone.replace(/[^+\d]/g, '')}`}>
                  {recipient.phone}
                </a>
              ) : null}
            </>
          ) : null}
        </Row>
        <Row label={t('details.due')}>
          {due_at ? (
            <span data-late={isLate || undefined} className={classes.due}>
              <PlannedTime time={due_at} />
              {isLate ? ` · ${t('details.late')}` : null}
            </span>
          ) : null}
        </Row>
        <Row label={t('details.estimate')}>{order.estimated_at ? <PlannedTime time={order.estimated_at} /> : null}</Row>
        <Row label={t('details.reference')}>{order.reference}</Row>
        <Row label={t('details.description')}>{order.description}</Row>
        {Object.entries(order.metadata).map(([key, value]) => (
          <Row key={key} label={key}>
            {value}
          </Row>
        ))}
        <Row label={t('details.created')}>
          <RelativeTime time={order.created_at} />
        </Row>
      </dl>
    </Card>
  );
}

/** Nothing to say, no row. */
function Row({ label, children }: { label: string; children: ReactNode }) {
  if (children === null || children === '') return null;
  return (
    <div className={classes.row}>
      <dt className={classes.label}>{label}</dt>
      <dd className={classes.value}>{children}</dd>
    </div>
  );
}
