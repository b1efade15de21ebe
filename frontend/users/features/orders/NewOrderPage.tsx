import { Button, Group, Stack } from '@mantine/core';
import { createOrder, storeOrder } from '@shared/api';
import { zNewOrder } from '@shared/api/generated/zod.gen';
import { FormProblem, Page, notify, useApiForm } from '@shared/ui';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { OrderFields, fieldOfPath } from './OrderFields';
import { emptyValues, repeatedNames, toNewOrder, type OrderValues } from './orderValues';

export default function NewOrderPage() {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { form, formProps, problem, sending } = useApiForm<OrderValues, ReturnType<typeof toNewOrder>>({
    initialValues: emptyValues,
    schema: zNewOrder,
    toBody: toNewOrder,
    validate: ({ metadata }) => repeatedNames(metadata, t('order.metadata.repeated')),
    fieldOfPath,
    fieldOfCode: { reference_taken: 'reference' },
    send: async (body) => {
      const { data: order } = await createOrder({ body, throwOnError: true });
      storeOrder(queries, order);
      notify({ message: t('new_order.done') });
      void navigate(`/orders/${order.id}`, { replace: true });
    },
  });
  return (
    <Page title={t('new_order.title')} width="narrow">
      <form {...formProps}>
        <Stack gap="lg">
          <OrderFields form={form} />
          <FormProblem text={problem} />
          <Group>
            <Button type="submit" size="md" loading={sending}>
              {t('new_order.submit')}
            </Button>
            <Button component={Link} to="/orders" variant="subtle" size="md">
              {shared('form.cancel')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}
