import { Anchor } from '@mantine/core';
import { IconLinkOff } from '@tabler/icons-react';
import { hasCode } from '@shared/api/problem';
import { joinAsMover } from '@shared/api/generated/sdk.gen';
import { AuthPage } from '@shared/auth/AuthPage';
import { NewAccountForm } from '@shared/auth/NewAccountForm';
import { Message } from '@shared/ui/states';
import { problemText } from '@shared/ui/problemText';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';

/** /movers/join#<token>: what stands after the # never reaches a server's log. */
export default function JoinPage() {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const invitation = useLocation().hash.slice(1);
  const [broken, setBroken] = useState<unknown>(null);
  const signIn = (
    <Anchor component={Link} to="/sign-in">
      {t('join.sign_in')}
    </Anchor>
  );

  if (!invitation || broken) {
    return (
      <AuthPage name={t('name')} title={t('join.title')} footer={signIn}>
        <Message
          tone="problem"
          icon={<IconLinkOff size={28} />}
          title={t(broken ? 'join.broken_title' : 'join.no_invitation_title')}
        >
          {broken ? problemText(broken, shared) : t('join.no_invitation')}
        </Message>
      </AuthPage>
    );
  }
  return (
    <AuthPage name={t('name')} title={t('join.title')} intro={t('join.intro')} footer={signIn}>
      <NewAccountForm
        submitLabel={t('join.submit')}
        nameHint={t('join.name_hint')}
        register={async (registration) =>
          (await joinAsMover({ body: { ...registration, invitation }, throwOnError: true })).data
        }
        onError={(error) => {
          const isBroken = hasCode(error, 'invitation_used', 'invitation_expired', 'invitation_withdrawn', 'not_found');
          if (isBroken) setBroken(error);
          return isBroken;
        }}
      />
    </AuthPage>
  );
}
