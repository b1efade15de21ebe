import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { getOrderOptions, hasCode, storeOrder, updateOrder, type Order, type OrderPatch } from '@shared/api';
import { zOrderPatch } from '@shared/api/generated/zod.gen';
import { readOrderId } from '@shared/orders';
import { ErrorMessage, FormProblem, Loading, NotFoundMessage, Page, notify, useApiForm } from '@shared/ui';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useNavigate, useParams } from 'react-router';
import { Conflicts } from './Conflicts';
import { OrderFields, fieldOfPath } from './OrderFields';
import { repeatedNames, toPatch, toValues, type OrderValues } from './orderValues';
import { rebase, type Conflict } from './rebase';

/** At /orders/{ID}/edit; however the ID was typed, the address becomes the right one. */
export default function EditOrderPage() {
  const { orderId: typed = '' } = useParams();
  const id = readOrderId(typed);
  if (!id) return <NotFoundMessage />;
  if (id !== typed) return <Navigate to={`/orders/${id}/edit`} replace />;
  return <EditOrder key={id} id={id} />;
}

function EditOrder({ id }: { id: string }) {
  const { t } = useTranslation();
  const order = useQuery(getOrderOptions({ path: { order_id: id } }));
  if (hasCode(order.error, 'not_found')) return <NotFoundMessage />;
  return (
    <Page title={t('edit.title')} width="narrow">
      {order.data ? (
        <EditForm order={order.data} />
      ) : order.isError ? (
        <ErrorMessage error={order.error} retry={order.refetch} />
      ) : (
        <Loading>
          <Stack gap="lg">
            <Skeleton height={390} radius="lg" />
            <Skeleton height={330} radius="lg" />
          </Stack>
        </Loading>
      )}
    </Page>
  );
}

function EditForm({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const navigate = useNavigate();
  const queries = useQueryClient();
  // The order as the form began with it (or was last brought up to): changes are told by the difference to it.
  const [base, setBase] = useState(order);
  const [conflicts, setConflicts] = useState<Conflict[] | null>(null);
  const back = `/orders/${order.id}`;

  const { form, formProps, problem, sending } = useApiForm<OrderValues, OrderPatch>({
    initialValues: toValues(order),
    schema: zOrderPatch,
    toBody: (values) => toPatch(toValues(base), values),
    validate: ({ metadata }) => repeatedNames(metadata, t('order.metadata.repeated')),
    fieldOfPath,
    fieldOfCode: { reference_taken: 'reference' },
    send: async (patch) => {
      if (Object.keys(patch).length > 0) await save(patch, base);
      void navigate(back);
    },
    onError: (error) => {
      if (!hasCode(error, 'version_mismatch') || !error.order) return false;
      const theirs = error.order;
      const merged = rebase(toValues(base), form.getValues(), toValues(theirs));
      form.setValues(merged.values);
      setBase(theirs);
      setConflicts(merged.conflicts);
      storeOrder(queries, theirs);
      window.scrollTo({ top: 0 });
      return true;
    },
  });

  /** A move makes a new version too, but changes no detail: then there is nothing to merge and nobody to ask. */
  const save = async (patch: OrderPatch, from: Order): Promise<void> => {
    try {
      const { data } = await updateOrder({
        path: { order_id: order.id },
        body: patch,
        headers: { 'If-Match': `"${from.version}"` },
        throwOnError: true,
      });
      storeOrder(queries, data);
      notify({ message: t('edit.done') });
    } catch (error) {
      const newer = hasCode(error, 'version_mismatch') ? error.order : undefined;
      const sameDetails = newer && Object.keys(toPatch(toValues(from), toValues(newer))).length === 0;
      if (!sameDetails) throw error;
      await save(patch, newer);
    }
  };

  return (
    <form {...formProps}>
      <Stack gap="lg">
        {conflicts ? (
          <Conflicts
            conflicts={conflicts}
            take={({ field, theirs }) => {
              form.setValues({ [field]: theirs });
              setConflicts(conflicts.filter((conflict) => conflict.field !== field));
            }}
          />
        ) : null}
        <OrderFields form={form} />
        <FormProblem text={problem} />
        <Group>
          <Button type="submit" size="md" loading={sending}>
            {shared('form.save')}
          </Button>
          <Button component={Link} to={back} variant="subtle" size="md">
            {shared('form.cancel')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
