import { ActionIcon, Menu, Skeleton } from '@mantine/core';
import { hasCode, listMoversQueryKey, updateMover, type Mover, type MoverPatch } from '@shared/api';
import { useAccount } from '@shared/auth';
import { Card, ErrorMessage, Loading, notify, problemText } from '@shared/ui';
import { IconDots, IconShield, IconShieldOff, IconUserCheck, IconUserOff } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useAllMovers } from '../api/movers';
import classes from './People.module.css';

export function MoversCard() {
  const { t } = useTranslation();
  const movers = useAllMovers();
  return (
    <Card title={t('people.movers')}>
      {movers.isPending ? (
        <Loading>
          <Skeleton height={56} mb="sm" />
          <Skeleton height={56} mb="sm" />
          <Skeleton height={56} />
        </Loading>
      ) : movers.data ? (
        <ul className={classes.list}>
          {movers.data.map((mover) => (
            <MoverItem key={mover.id} mover={mover} />
          ))}
        </ul>
      ) : (
        <ErrorMessage error={movers.error} retry={movers.refetch} level={3} />
      )}
    </Card>
  );
}

function MoverItem({ mover }: { mover: Mover }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const me = useAccount();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: async ({ patch }: { patch: MoverPatch; done: string }) =>
      (await updateMover({ path: { mover_id: mover.id }, body: patch, throwOnError: true })).data,
    onSuccess: (_, { done }) => notify({ title: mover.name, message: done }),
    onError: (error) =>
      notify({
        title: mover.name,
        message: hasCode(error, 'last_admin') ? t('people.last_admin') : problemText(error, shared),
        tone: 'problem',
      }),
    onSettled: () => queries.invalidateQueries({ queryKey: listMoversQueryKey() }),
  });
  const isAdmin = mover.role === 'admin';
  return (
    <li className={classes.person} data-inactive={mover.active ? undefined : true}>
      <span className={classes.initial} aria-hidden="true">
        {[...mover.name][0]?.toUpperCase()}
      </span>
      <div className={classes.text}>
        <span className={classes.name}>
          {mover.name}
          {mover.id === me.id ? ` ${t('people.you')}` : null}
        </span>
        <span className={classes.sub}>{mover.email}</span>
        <span className={classes.tags}>
          {isAdmin ? (
            <span className={classes.tag} data-tone="accent">
              {t('people.admin')}
            </span>
          ) : null}
          {mover.active ? null : <span className={classes.tag}>{t('people.inactive')}</span>}
        </span>
      </div>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <ActionIcon
            variant="default"
            size={44}
            loading={change.isPending}
            aria-label={t('people.menu', { name: mover.name })}
          >
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={isAdmin ? <IconShieldOff size={18} /> : <IconShield size={18} />}
            onClick={() =>
              change.mutate({
                patch: { role: isAdmin ? 'mover' : 'admin' },
                done: t(isAdmin ? 'people.now_mover' : 'people.now_admin'),
              })
            }
          >
            {t(isAdmin ? 'people.make_mover' : 'people.make_admin')}
          </Menu.Item>
          <Menu.Item
            data-danger={mover.active || undefined}
            leftSection={mover.active ? <IconUserOff size={18} /> : <IconUserCheck size={18} />}
            onClick={() =>
              change.mutate({
                patch: { active: !mover.active },
                done: t(mover.active ? 'people.deactivated' : 'people.reactivated'),
              })
            }
          >
            {t(mover.active ? 'people.deactivate' : 'people.reactivate')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}
