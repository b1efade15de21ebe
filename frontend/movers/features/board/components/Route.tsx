import type { Order } from '@shared/api';
import { useTranslation } from 'react-i18next';
import classes from './Route.module.css';

/** From where to where, as two stops on a line. */
export function Route({ order }: { order: Pick<Order, 'pickup_address' | 'delivery_address'> }) {
  const { t } = useTranslation();
  return (
    <dl className={classes.route}>
      <Stop label={t('route.pickup')} address={order.pickup_address} />
      <Stop label={t('route.delivery')} address={order.delivery_address} />
    </dl>
  );
}

function Stop({ label, address }: { label: string; address: string | null }) {
  const { t } = useTranslation();
  return (
    <div className={classes.stop}>
      <dt className={classes.label}>{label}</dt>
      <dd className={classes.address} data-missing={address ? undefined : true} title={address ?? undefined}>
        {address ?? t('route.none')}
      </dd>
    </div>
  );
}
