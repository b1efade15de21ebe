import { MantineProvider } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { AuthProvider } from '../auth/AuthProvider';
import type { AuthSession } from '../auth/session';
import { OrderTextProvider } from '../orders/texts';
import { cssVariablesResolver, theme } from './theme';

interface AppFrameProps {
  session: AuthSession;
  children: ReactNode;
}

/** The providers of an app, the router excepted; tests use it too. */
export function AppFrame({ session, children }: AppFrameProps) {
  const { t } = useTranslation('orders');
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <AuthProvider session={session}>
        <OrderTextProvider value={(key, values) => t(key, values ?? {})}>{children}</OrderTextProvider>
      </AuthProvider>
    </MantineProvider>
  );
}
