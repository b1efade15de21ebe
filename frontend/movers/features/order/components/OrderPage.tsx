import { Anchor, Button, Skeleton } from '@mantine/core';
import { getOrderOptions, hasCode } from '@shared/api';
import { useLiveOrder } from '@shared/api/LiveProvider';
import { OrderIdText, readOrderId, StatusBadge, Stepper } from '@shared/orders';
import { Card, CopyButton, ErrorMessage, Loading, NotFoundMessage, Page } from '@shared/ui';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useParams } from 'react-router';
import { AssigneeCard } from './AssigneeCard';
import { DetailsCard } from './DetailsCard';
import { HistoryCard } from './HistoryCard';
import { MovesCard } from './MovesCard';
import classes from './OrderPage.module.css';
import { UpdateCard } from './UpdateCard';

/** One order, at /orders/{ID}; however the ID was typed, the address becomes the right one. */
export default function OrderPage() {
  const { id: typed = '' } = useParams();
  const id = readOrderId(typed);
  if (!id) return <NoSuchOrder />;
  if (id !== typed) return <Navigate to={`/orders/${id}`} replace />;
  return <Order key={id} id={id} />;
}

function NoSuchOrder() {
  const { t } = useTranslation();
  return (
    <NotFoundMessage
      action={
        <Button component={Link} to="/" size="md" variant="light">
          {t('order.to_board')}
        </Button>
      }
    />
  );
}

function Order({ id }: { id: string }) {
  const { t } = useTranslation();
  const order = useQuery(getOrderOptions({ path: { order_id: id } }));
  useLiveOrder(id, order.data?.version);

  if (!order.data) {
    if (hasCode(order.error, 'not_found')) return <NoSuchOrder />;
    return (
      <Page title={t('order.title', { id })} heading={<OrderIdText id={id} />}>
        {order.error ? <ErrorMessage error={order.error} retry={order.refetch} /> : <OrderSkeleton />}
      </Page>
    );
  }
  const { data } = order;
  return (
    <div>
      <Anchor component={Link} to="/" className={classes.back}>
        <IconArrowLeft size={18} aria-hidden="true" /> {t('nav.board')}
      </Anchor>
      <Page title={data.title} width="normal" actions={<CopyButton value={id} label={t('order.copy_id')} variant="default" />}>
        <p className={classes.sub}>
          <OrderIdText id={id} />
          <StatusBadge status={data.status} />
          <span className={classes.owner}>{t('order.of', { name: data.owner.name })}</span>
        </p>
        <div className={classes.layout}>
          <Card>
            <Stepper status={data.status} events={data.events} />
            <MovesCard order={data} />
          </Card>
          <div className={classes.side}>
            <AssigneeCard order={data} />
            <DetailsCard order={data} />
          </div>
          <div className={classes.log}>
            <UpdateCard order={data} />
            <HistoryCard order={data} />
          </div>
        </div>
      </Page>
    </div>
  );
}

function OrderSkeleton() {
  return (
    <Loading>
      <div className={classes.layout}>
        <Skeleton height={380} radius="lg" />
        <div className={classes.side}>
          <Skeleton height={170} radius="lg" />
          <Skeleton height={360} radius="lg" />
        </div>
        <div className={classes.log}>
          <Skeleton height={420} radius="lg" />
        </div>
      </div>
    </Loading>
  );
}
