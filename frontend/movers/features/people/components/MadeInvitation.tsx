import type { CreatedInvitation } from '@shared/api';
import { shortTime } from '@shared/orders';
import { CopyButton } from '@shared/ui';
import { IconAlertTriangle } from '@tabler/icons-react';
import { QRCodeSVG } from 'qrcode.react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { isLocalLink } from '../api/invitations';
import classes from './People.module.css';

/** The link of an invitation that was just made; the server never tells it again. Not loaded late: it would be lost. */
export function MadeInvitation({ invitation }: { invitation: CreatedInvitation }) {
  const { t } = useTranslation();
  const { link, role, expires_at } = invitation;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className={classes.made} aria-label={t('invite.made_title')}>
      <div className={classes.madeText}>
        <h3 ref={heading} tabIndex={-1} className={classes.madeTitle}>
          {t('invite.made_title')}
        </h3>
        <p>{t(role === 'admin' ? 'invite.made_admin' : 'invite.made', { time: shortTime(expires_at) })}</p>
        <code className={classes.link}>{link}</code>
        {isLocalLink(link) ? (
          <p className={classes.warning} role="alert">
            <IconAlertTriangle size={20} aria-hidden="true" />
            <span>{t('invite.local')}</span>
          </p>
        ) : null}
        <div>
          <CopyButton value={link} label={t('invite.copy')} variant="filled" size="md" />
        </div>
      </div>
      <div className={classes.qr}>
        <QRCodeSVG value={link} size={168} role="img" aria-label={t('invite.qr')} />
      </div>
    </section>
  );
}
