import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ResourceLanguage } from 'i18next';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { onTestFinished } from 'vitest';
import type { Realm, SignedIn } from '../api/generated/types.gen';
import { connectClient } from '../api/client';
import { AuthSession } from '../auth/session';
import { AppFrame } from '../ui/AppFrame';
import { startI18n } from '../ui/i18n';

interface RenderOptions {
  realm?: Realm;
  texts: ResourceLanguage;
  /** The address that the router stands at. */
  at?: string;
  /** Who is signed in; nobody if absent. */
  signedIn?: SignedIn;
}

/** Renders a piece of an app as main.tsx would: providers, texts, router, and who is signed in. */
export function renderApp(node: ReactNode, { realm = 'users', texts, at = '/', signedIn }: RenderOptions) {
  startI18n(texts);
  const session = new AuthSession(realm);
  onTestFinished(() => session.close());
  if (signedIn) session.adopt(signedIn);
  else session.start();
  connectClient(session);
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const view = render(
    <AppFrame session={session}>
      <QueryClientProvider client={queries}>
        <MemoryRouter initialEntries={[at]}>{node}</MemoryRouter>
      </QueryClientProvider>
    </AppFrame>,
  );
  return { ...view, session, queries, person: userEvent.setup({ delay: null }) };
}
