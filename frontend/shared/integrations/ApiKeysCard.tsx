import { Button, Skeleton } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { listApiKeysInfiniteOptions, listApiKeysInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { endApiKey } from '../api/generated/sdk.gen';
import type { ApiKey, CreatedApiKey } from '../api/generated/types.gen';
import { useAccount } from '../auth/AuthProvider';
import { PlannedTime, RelativeTime, useNow } from '../orders/Time';
import { Card } from '../ui/Card';
import { LoadMore } from '../ui/LoadMore';
import { notify } from '../ui/notify';
import { ErrorMessage, Loading } from '../ui/states';
import { ConfirmDialog } from './ConfirmDialog';
import { MakeKeyDialog } from './MakeKeyDialog';
import { ShownOnce } from './ShownOnce';
import { useScopeTexts, useTexts } from './useTexts';
import classes from './Integrations.module.css';

export function ApiKeysCard() {
  const { t } = useTexts();
  const [isMaking, setIsMaking] = useState(false);
  const [made, setMade] = useState<CreatedApiKey | null>(null);
  const keys = useInfiniteQuery({
    ...listApiKeysInfiniteOptions(),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor,
  });
  const all = keys.data?.pages.flatMap(({ data }) => data);
  return (
    <Card
      title={t('keys.title')}
      actions={
        <Button variant="light" leftSection={<IconPlus size={18} />} onClick={() => setIsMaking(true)}>
          {t('keys.make')}
        </Button>
      }
    >
      <p className={classes.hint}>{t('keys.hint')}</p>
      {made ? (
        <ShownOnce
          title={t('keys.made', { name: made.name })}
          text={t('keys.made_text')}
          value={made.key}
          copy={t('keys.copy')}
          kept={t('keys.kept')}
          onKept={() => setMade(null)}
        />
      ) : null}
      {keys.isPending ? (
        <Loading>
          <Skeleton height={64} mb="sm" />
          <Skeleton height={64} />
        </Loading>
      ) : !all ? (
        <ErrorMessage error={keys.error} retry={keys.refetch} level={3} />
      ) : all.length === 0 ? (
        <p className={classes.empty}>{t('keys.empty')}</p>
      ) : (
        <ul className={classes.list} aria-label={t('keys.title')}>
          {all.map((key) => (
            <KeyItem key={key.id} apiKey={key} onEnd={() => setMade((shown) => (shown?.id === key.id ? null : shown))} />
          ))}
        </ul>
      )}
      {keys.hasNextPage ? (
        <LoadMore
          variant="default"
          mt="md"
          isLoading={keys.isFetchingNextPage}
          error={keys.isFetchNextPageError ? keys.error : null}
          load={keys.fetchNextPage}
        />
      ) : null}
      {isMaking ? <MakeKeyDialog onClose={() => setIsMaking(false)} onMade={setMade} /> : null}
    </Card>
  );
}

function KeyItem({ apiKey, onEnd }: { apiKey: ApiKey; onEnd: () => void }) {
  const { t } = useTexts();
  const { nameOf } = useScopeTexts(useAccount().role);
  const queries = useQueryClient();
  const now = useNow();
  const [isAsking, setIsAsking] = useState(false);
  const { id, name, last_four, scopes, created_at, last_used_at, expires_at } = apiKey;
  const isOver = expires_at !== null && Date.parse(expires_at) <= now;
  const end = async () => {
    await endApiKey({ path: { key_id: id }, throwOnError: true });
    notify({ title: name, message: t('keys.ended') });
    onEnd();
    setIsAsking(false);
    await queries.invalidateQueries({ queryKey: listApiKeysInfiniteQueryKey() });
  };
  return (
    <li className={classes.item} data-off={isOver || undefined}>
      <span className={classes.icon} aria-hidden="true">
        <IconKey size={20} />
      </span>
      <div className={classes.text}>
        <span className={classes.name}>
          {name} {isOver ? <span className={classes.pill}>{t('keys.expired')}</span> : null}
        </span>
        <span className={classes.facts}>
          <span>
            {t('keys.ends_in')} <code className={classes.code}>…{last_four}</code>
          </span>
          <span>
            {t('keys.created')} <RelativeTime time={created_at} />
          </span>
          <span>
            {last_used_at ? (
              <>
                {t('keys.used')} <RelativeTime time={last_used_at} />
              </>
            ) : (
              t('keys.never_used')
            )}
          </span>
          <span>
            {expires_at ? (
              <>
                {t('keys.expires')} <PlannedTime time={expires_at} />
              </>
            ) : (
              t('keys.good_for_ever')
            )}
          </span>
        </span>
        <span className={classes.tags}>
          {scopes.map((scope) => (
            <span key={scope} className={classes.tag}>
              {nameOf(scope)}
            </span>
          ))}
        </span>
      </div>
      <Button variant="default" aria-label={t('keys.end_label', { name })} onClick={() => setIsAsking(true)}>
        {t('keys.end')}
      </Button>
      {isAsking ? (
        <ConfirmDialog
          title={t('keys.end_title', { name })}
          text={t('keys.end_text')}
          submit={t('keys.end_submit')}
          danger
          run={end}
          onClose={() => setIsAsking(false)}
        />
      ) : null}
    </li>
  );
}
