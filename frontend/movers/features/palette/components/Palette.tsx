import '@mantine/spotlight/styles.layer.css';
import { useDebouncedValue } from '@mantine/hooks';
import { createSpotlight, Spotlight } from '@mantine/spotlight';
import { listOrdersOptions } from '@shared/api';
import { useAccount } from '@shared/auth';
import { OrderIdText, readOrderId, StatusBadge } from '@shared/orders';
import { IconArrowRight, IconLayoutKanban, IconPlugConnected, IconSearch, IconUser, IconUsers } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import classes from './Palette.module.css';

const [store, { open }] = createSpotlight();
export { open as openPalette };

/** From anywhere to an order or a page, without the mouse. */
export default function Palette() {
  const { t } = useTranslation();
  const { role } = useAccount();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [q] = useDebouncedValue(typed.trim(), 250);
  const id = readOrderId(typed);
  const found = useQuery({
    ...listOrdersOptions({ query: { q, limit: 7 } }),
    enabled: q.length > 1,
    placeholderData: keepPreviousData,
  });
  const orders = q.length > 1 ? (found.data?.data ?? []) : [];
  const needle = typed.trim().toLowerCase();
  const pages = [
    { to: '/', label: t('nav.board'), icon: IconLayoutKanban },
    ...(role === 'admin' ? [{ to: '/people', label: t('nav.people'), icon: IconUsers }] : []),
    { to: '/integrations', label: t('nav.integrations'), icon: IconPlugConnected },
    { to: '/profile', label: t('nav.profile'), icon: IconUser },
  ].filter(({ label }) => label.toLowerCase().includes(needle));
  // The server's list says whether there is such an order; until it answers the ID alone leads there.
  const isDirect = id !== null && !orders.some((order) => order.id === id);

  return (
    <Spotlight.Root
      store={store}
      query={typed}
      onQueryChange={setTyped}
      shortcut={null}
      scrollable
      maxHeight={420}
      radius="lg"
      classNames={{ content: classes.content }}
      // It has no title that could name the dialog.
      attributes={{ content: { 'aria-label': t('palette.open') } }}
    >
      <Spotlight.Search
        aria-label={t('palette.open')}
        placeholder={t('palette.placeholder')}
        leftSection={<IconSearch size={20} aria-hidden="true" />}
      />
      <Spotlight.ActionsList>
        {isDirect ? (
          <Spotlight.Action
            label={t('palette.go_to', { id })}
            leftSection={<IconArrowRight size={20} />}
            onClick={() => void navigate(`/orders/${id}`)}
          />
        ) : null}
        {orders.length > 0 ? (
          <Spotlight.ActionsGroup label={t('palette.orders')}>
            {orders.map((order) => (
              <Spotlight.Action key={order.id} onClick={() => void navigate(`/orders/${order.id}`)}>
                <span className={classes.order}>
                  <span className={classes.title}>{order.title}</span>
                  <OrderIdText id={order.id} size="sm" />
                  <StatusBadge status={order.status} size="sm" />
                </span>
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        ) : null}
        {pages.length > 0 ? (
          <Spotlight.ActionsGroup label={t('palette.pages')}>
            {pages.map(({ to, label, icon: Icon }) => (
              <Spotlight.Action
                key={to}
                label={label}
                leftSection={<Icon size={20} />}
                onClick={() => void navigate(to)}
              />
            ))}
          </Spotlight.ActionsGroup>
        ) : null}
        {!isDirect && orders.length === 0 && pages.length === 0 ? (
          <Spotlight.Empty>{t(found.isFetching ? 'palette.searching' : 'palette.nothing')}</Spotlight.Empty>
        ) : null}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
