import { Button, Skeleton, Text } from '@mantine/core';
import { IconDeviceDesktop, IconDeviceMobile, IconLogout } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { endSession } from '../api/generated/sdk.gen';
import { listSessionsInfiniteOptions, listSessionsInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import type { Session } from '../api/generated/types.gen';
import { useAuthSession } from '../auth/AuthProvider';
import { RelativeTime } from '../orders/Time';
import { Card } from '../ui/Card';
import { LoadMore } from '../ui/LoadMore';
import { notify } from '../ui/notify';
import { problemText } from '../ui/problemText';
import { ErrorMessage, Loading } from '../ui/states';
import { deviceOf } from './device';
import classes from './SessionsCard.module.css';

export function SessionsCard() {
  const { t } = useTranslation('profile');
  const sessions = useInfiniteQuery({
    ...listSessionsInfiniteOptions(),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor,
  });
  return (
    <Card title={t('sessions')}>
      <Text c="dimmed" mb="sm">
        {t('sessions_hint')}
      </Text>
      {sessions.isPending ? (
        <Loading>
          <Skeleton height={56} mb="sm" />
          <Skeleton height={56} />
        </Loading>
      ) : sessions.isError && !sessions.data ? (
        <ErrorMessage error={sessions.error} retry={sessions.refetch} level={3} />
      ) : (
        <ul className={classes.list}>
          {sessions.data.pages.flatMap(({ data }) => data).map((session) => (
            <SessionItem key={session.id} session={session} />
          ))}
        </ul>
      )}
      {sessions.hasNextPage ? (
        <LoadMore
          variant="default"
          mt="md"
          isLoading={sessions.isFetchingNextPage}
          error={sessions.isFetchNextPageError ? sessions.error : null}
          load={sessions.fetchNextPage}
        />
      ) : null}
    </Card>
  );
}

function SessionItem({ session }: { session: Session }) {
  const { t } = useTranslation('profile');
  const { t: shared } = useTranslation('shared');
  const auth = useAuthSession();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => endSession({ path: { session_id: session.id }, throwOnError: true }),
    onSuccess: () => notify({ message: t('ended') }),
    onError: (error) => notify({ message: problemText(error, shared), tone: 'problem' }),
    onSettled: () => queries.invalidateQueries({ queryKey: listSessionsInfiniteQueryKey() }),
  });
  const { browser, system } = deviceOf(session.user_agent);
  const device = system
    ? t('device', { browser: browser ?? t('unknown_browser'), system })
    : (browser ?? t('unknown_device'));
  const Icon = /iPhone|Android/.test(system ?? '') ? IconDeviceMobile : IconDeviceDesktop;
  return (
    <li className={classes.session}>
      <span className={classes.icon}>
        <Icon size={22} aria-hidden="true" />
      </span>
      <div className={classes.text}>
        <span className={classes.device}>{device}</span>
        <span className={classes.times}>
          {session.current ? <strong className={classes.current}>{t('this_session')}</strong> : null}
          <span>
            {t('used')} <RelativeTime time={session.last_used_at} />
          </span>
          <span>
            {t('since')} <RelativeTime time={session.created_at} />
          </span>
        </span>
      </div>
      {session.current ? (
        <Button
          variant="default"
          leftSection={<IconLogout size={18} />}
          onClick={() => void auth.logOut().catch(() => undefined)}
        >
          {t('sign_out')}
        </Button>
      ) : (
        <Button
          variant="default"
          aria-label={t('end_label', { device })}
          loading={end.isPending}
          onClick={() => end.mutate()}
        >
          {t('end')}
        </Button>
      )}
    </li>
  );
}
