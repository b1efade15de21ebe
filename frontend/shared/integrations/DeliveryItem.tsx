import { Button, Skeleton, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconRepeat } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { getDeliveryOptions } from '../api/generated/@tanstack/react-query.gen';
import { resendDelivery } from '../api/generated/sdk.gen';
import type { Delivery, DeliveryAttempt, Webhook } from '../api/generated/types.gen';
import { RelativeTime } from '../orders/Time';
import { notify } from '../ui/notify';
import { problemText } from '../ui/problemText';
import { ErrorMessage, Loading } from '../ui/states';
import { useTexts } from './useTexts';
import { useWebhookActions } from './useWebhookActions';
import classes from './Integrations.module.css';

interface DeliveryItemProps {
  webhook: Webhook;
  delivery: Delivery;
}

/** A line of the log; its attempts are read when somebody asks for them. */
export function DeliveryItem({ webhook, delivery }: DeliveryItemProps) {
  const { t } = useTexts();
  const { t: shared } = useTranslation('shared');
  const { readLog } = useWebhookActions(webhook);
  const [isOpen, setIsOpen] = useState(false);
  const region = useId();
  const { status, order_id, version, created_at, next_attempt_at, message_id } = delivery;
  const type = t(`type.${delivery.type}`, { defaultValue: delivery.type });
  const id = order_id ?? message_id;
  const resend = useMutation({
    mutationFn: () =>
      resendDelivery({ path: { webhook_id: webhook.id, delivery_id: delivery.id }, throwOnError: true }),
    onSuccess: () => notify({ message: t('log.resent') }),
    onError: (error) => notify({ message: problemText(error, shared), tone: 'problem' }),
    onSettled: readLog,
  });
  return (
    <li className={classes.delivery}>
      <div className={classes.deliveryHead}>
        <span className={classes.pill} data-tone={status}>
          {t(`log.${status}`)}
        </span>
        <div className={classes.text}>
          <span className={classes.name}>{type}</span>
          <span className={classes.facts}>
            {order_id ? (
              <Link to={`/orders/${order_id}`} className={classes.orderLink}>
                {order_id}
              </Link>
            ) : null}
            {version === null ? null : <span>{t('log.version', { version })}</span>}
            <RelativeTime time={created_at} />
            {next_attempt_at && webhook.active ? (
              <span>
                {t('log.next')} <RelativeTime time={next_attempt_at} />
              </span>
            ) : null}
          </span>
        </div>
        <Button
          variant="default"
          size="sm"
          leftSection={<IconRepeat size={16} />}
          aria-label={t('log.resend_label', { type, id })}
          title={webhook.active ? undefined : t('webhook.off')}
          disabled={!webhook.active}
          loading={resend.isPending}
          onClick={() => resend.mutate()}
        >
          {t('log.resend')}
        </Button>
        <UnstyledButton
          className={classes.toggle}
          aria-expanded={isOpen}
          aria-controls={isOpen ? region : undefined}
          aria-label={t('log.attempts_of', { type, id })}
          onClick={() => setIsOpen(!isOpen)}
        >
          {t('log.attempts')}
          <IconChevronDown size={18} aria-hidden="true" />
        </UnstyledButton>
      </div>
      {isOpen ? (
        <div id={region}>
          <Attempts webhook={webhook} delivery={delivery} />
        </div>
      ) : null}
    </li>
  );
}

function Attempts({ webhook, delivery }: DeliveryItemProps) {
  const { t } = useTexts();
  const path = { webhook_id: webhook.id, delivery_id: delivery.id };
  // The line above changes with each attempt: then there is more to read.
  const { next_attempt_at, status } = delivery;
  const options = getDeliveryOptions({ path });
  const { data, error, refetch } = useQuery({
    ...options,
    queryKey: [...options.queryKey, { next_attempt_at, status }] as unknown as typeof options.queryKey,
    queryFn: options.queryFn,
    placeholderData: (held) => held,
  });
  if (!data) {
    if (error) return <ErrorMessage error={error} retry={refetch} level={3} />;
    return (
      <Loading>
        <Skeleton height={56} mt="sm" />
      </Loading>
    );
  }
  if (data.attempts.length === 0) return <p className={classes.noAttempts}>{t('log.no_attempts')}</p>;
  return (
    <ol className={classes.attempts} aria-label={t('log.attempts')}>
      {data.attempts.map((attempt, index) => (
        <Attempt key={attempt.started_at} attempt={attempt} number={index + 1} />
      ))}
    </ol>
  );
}

function Attempt({ attempt, number }: { attempt: DeliveryAttempt; number: number }) {
  const { t } = useTexts();
  const { started_at, status, error, duration_ms, response } = attempt;
  const isGood = status !== null && status >= 200 && status < 300;
  return (
    <li className={classes.attempt}>
      <div className={classes.attemptHead}>
        <span>{t('log.attempt', { number })}</span>
        <strong data-good={isGood || undefined}>{status === null ? t('log.no_answer') : t('log.answer', { status })}</strong>
        <span>{t('log.ms', { ms: duration_ms })}</span>
        <RelativeTime time={started_at} />
      </div>
      {error ? <p className={classes.attemptError}>{error}</p> : null}
      {response ? (
        <>
          <span className={classes.responseLabel}>{t('log.response')}</span>
          <pre className={classes.response} tabIndex={0} aria-label={t('log.response')}>
            {response}
          </pre>
        </>
      ) : status === null ? null : (
        <p className={classes.noAttempts}>{t('log.response_empty')}</p>
      )}
    </li>
  );
}
