import { Button, Skeleton } from '@mantine/core';
import {
  listInvitationsInfiniteOptions,
  listInvitationsInfiniteQueryKey,
  withdrawInvitation,
  type Invitation,
} from '@shared/api';
import { RelativeTime, useNow } from '@shared/orders';
import { Card, ErrorMessage, Loading, notify, problemText } from '@shared/ui';
import { LoadMore } from '@shared/ui/LoadMore';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { stateOf } from '../api/invitations';
import classes from './People.module.css';

export function InvitationsCard() {
  const { t } = useTranslation();
  const invitations = useInfiniteQuery({
    ...listInvitationsInfiniteOptions(),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor,
  });
  const all = invitations.data?.pages.flatMap(({ data }) => data);
  return (
    <Card title={t('invitations.title')}>
      {invitations.isPending ? (
        <Loading>
          <Skeleton height={52} mb="sm" />
          <Skeleton height={52} />
        </Loading>
      ) : !all ? (
        <ErrorMessage error={invitations.error} retry={invitations.refetch} level={3} />
      ) : all.length === 0 ? (
        <p className={classes.empty}>{t('invitations.empty')}</p>
      ) : (
        <ul className={classes.list}>
          {all.map((invitation) => (
            <InvitationItem key={invitation.id} invitation={invitation} />
          ))}
        </ul>
      )}
      {invitations.hasNextPage ? (
        <LoadMore
          variant="default"
          size="md"
          mt="md"
          isLoading={invitations.isFetchingNextPage}
          error={invitations.isFetchNextPageError ? invitations.error : null}
          load={invitations.fetchNextPage}
        />
      ) : null}
    </Card>
  );
}

function InvitationItem({ invitation }: { invitation: Invitation }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const queries = useQueryClient();
  const state = stateOf(invitation, useNow());
  const name = invitation.note ?? t(invitation.role === 'admin' ? 'invitations.for_admin' : 'invitations.for_mover');
  const withdraw = useMutation({
    mutationFn: () => withdrawInvitation({ path: { invitation_id: invitation.id }, throwOnError: true }),
    onSuccess: () => notify({ message: t('invitations.withdrawn_done') }),
    onError: (error) => notify({ message: problemText(error, shared), tone: 'problem' }),
    onSettled: () => queries.invalidateQueries({ queryKey: listInvitationsInfiniteQueryKey() }),
  });
  return (
    <li className={classes.person} data-inactive={state === 'open' ? undefined : true}>
      <div className={classes.text}>
        <span className={classes.name}>{name}</span>
        <span className={classes.sub}>
          {state === 'used' && invitation.used_by ? (
            <span>{t('invitations.used_by', { name: invitation.used_by.name })}</span>
          ) : null}
          {state === 'open' ? (
            <span>
              {t('invitations.ends')} <RelativeTime time={invitation.expires_at} />
            </span>
          ) : (
            <span>
              {t('invitations.made')} <RelativeTime time={invitation.created_at} />
            </span>
          )}
          <span>
            {invitation.invited_by ? t('invitations.by', { name: invitation.invited_by.name }) : t('invitations.by_command')}
          </span>
        </span>
        <span className={classes.tags}>
          {invitation.role === 'admin' ? (
            <span className={classes.tag} data-tone="accent">
              {t('people.admin')}
            </span>
          ) : null}
          <span className={classes.tag} data-tone={state}>
            {t(`invitations.state.${state}`)}
          </span>
        </span>
      </div>
      {state === 'open' ? (
        <Button
          variant="default"
          size="md"
          loading={withdraw.isPending}
          aria-label={t('invitations.withdraw_label', { name })}
          onClick={() => withdraw.mutate()}
        >
          {t('invitations.withdraw')}
        </Button>
      ) : null}
    </li>
  );
}
