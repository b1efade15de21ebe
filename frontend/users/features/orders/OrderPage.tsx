import { Button, Skeleton } from '@mantine/core';
import { getOrderOptions, hasCode, useLiveOrder, type OrderWithEvents } from '@shared/api';
import { isOpen, OrderIdText, PlannedTime, readOrderId, RelativeTime, StatusBadge, Stepper } from '@shared/orders';
import { Card, CopyButton, ErrorMessage, Loading, NotFoundMessage, Page } from '@shared/ui';
import { IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useParams } from 'react-router';
import { CancelOrder } from './CancelOrder';
import { OrderDetails } from './OrderDetails';
import { OrderHistory } from './OrderHistory';
import { PublicTracking } from './PublicTracking';
import { SaySomething } from './SaySomething';
import { UndoOffer } from './UndoOffer';
import classes from './OrderPage.module.css';

/** One order, at /orders/{ID}; however the ID was typed, the address becomes the right one. */
export default function OrderPage() {
  const { orderId: typed = '' } = useParams();
  const id = readOrderId(typed);
  if (!id) return <NotFound />;
  if (id !== typed) return <Navigate to={`/orders/${id}`} replace />;
  return <LiveOrder key={id} id={id} />;
}

function LiveOrder({ id }: { id: string }) {
  const { t } = useTranslation();
  const order = useQuery(getOrderOptions({ path: { order_id: id } }));
  useLiveOrder(id, order.data?.version);

  if (order.data) return <FoundOrder order={order.data} />;
  if (hasCode(order.error, 'not_found')) return <NotFound />;
  return (
    <Page title={t('order.title')}>
      {order.isError ? <ErrorMessage error={order.error} retry={order.refetch} /> : <OrderSkeleton />}
    </Page>
  );
}

function FoundOrder({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const open = isOpen(order.status);
  return (
    <Page
      title={order.title}
      actions={
        open ? (
          <>
            <Button component={Link} to={`/orders/${order.id}/edit`} variant="default" leftSection={<IconPencil size={18} />}>
              {t('order.edit')}
            </Button>
            <CancelOrder order={order} />
          </>
        ) : null
      }
    >
      <UndoOffer order={order} />
      <div className={classes.columns}>
        <div className={classes.main}>
          <Card>
            <StatusHead order={order} />
            <Stepper status={order.status} events={order.events} />
          </Card>
          <Card title={t('order.history')}>
            <SaySomething order={order} />
            <OrderHistory order={order} />
          </Card>
        </div>
        <div className={classes.side}>
          <PublicTracking order={order} />
          <Card title={t('order.details')}>
            <OrderDetails order={order} />
          </Card>
        </div>
      </div>
    </Page>
  );
}

function StatusHead({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const open = isOpen(order.status);
  return (
    <div className={classes.head}>
      <div>
        <p className={classes.label}>{t('order.id')}</p>
        <p className={classes.id}>
          <OrderIdText id={order.id} size="xl" />
        </p>
        <CopyButton value={order.id} label={t('order.copy_id')} size="compact-md" />
      </div>
      <div className={classes.status}>
        <div role="status" aria-label={t('order.status')}>
          <StatusBadge status={order.status} size="lg" />
        </div>
        <span className={classes.since}>
          <RelativeTime time={order.updated_at} />
        </span>
        {open && order.estimated_at ? (
          <span>
            {t('order.expected')} <PlannedTime time={order.estimated_at} />
          </span>
        ) : null}
        {open && order.due_at ? (
          <span className={classes.since}>
            {t('order.due')} <PlannedTime time={order.due_at} />
          </span>
        ) : null}
      </div>
    </div>
  );
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <NotFoundMessage
      action={
        <Button component={Link} to="/orders" variant="light">
          {t('order.back')}
        </Button>
      }
    />
  );
}

function OrderSkeleton() {
  return (
    <Loading>
      <div className={classes.columns}>
        <div className={classes.main}>
          <Skeleton height={268} radius="lg" />
          <Skeleton height={300} radius="lg" />
        </div>
        <div className={classes.side}>
          <Skeleton height={220} radius="lg" />
          <Skeleton height={280} radius="lg" />
        </div>
      </div>
    </Loading>
  );
}
