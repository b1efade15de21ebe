import { Button, Group, NativeSelect, Skeleton, Stack } from '@mantine/core';
import type { Order } from '@shared/api';
import { useAccount } from '@shared/auth';
import { Dialog, ErrorMessage, Loading } from '@shared/ui';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMovesContext } from '../../moves/components/MovesProvider';
import { useAllMovers } from '../../people/api/movers';

/** The phone's own list is the quickest way to one of many names. */
export default function HandOverDialog({ order, onClose }: { order: Order; onClose: () => void }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const account = useAccount();
  const { assign, isBusy } = useMovesContext();
  const movers = useAllMovers();
  const [chosen, setChosen] = useState('');
  const others = (movers.data ?? []).filter(
    ({ id, active }) => active && id !== order.assignee?.id && id !== account.id,
  );
  return (
    <Dialog onClose={onClose} title={t('assignee.hand_title')}>
      {movers.isPending ? (
        <Loading>
          <Skeleton height={68} />
        </Loading>
      ) : movers.error ? (
        <ErrorMessage error={movers.error} retry={movers.refetch} level={3} />
      ) : others.length === 0 ? (
        <p>{t('assignee.nobody_else')}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!chosen) return;
            void assign(order, chosen).then((isSent) => isSent && onClose());
          }}
        >
          <Stack gap="lg">
            <NativeSelect
              label={t('assignee.hand_to')}
              size="md"
              data-autofocus
              value={chosen}
              onChange={({ currentTarget }) => setChosen(currentTarget.value)}
              data={[{ value: '', label: t('assignee.choose') }, ...others.map(({ id, name }) => ({ value: id, label: name }))]}
            />
            <Group justify="flex-end" gap="sm">
              <Button variant="default" size="md" onClick={onClose}>
                {shared('form.cancel')}
              </Button>
              <Button type="submit" size="md" disabled={!chosen} loading={isBusy(order)}>
                {t('assignee.hand')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
