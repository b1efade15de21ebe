import './styles';
import type { ResourceLanguage } from 'i18next';
import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import type { Realm } from '../api/generated/types.gen';
import { connectClient } from '../api/client';
import { AuthSession } from '../auth/session';
import { AppFrame } from './AppFrame';
import { CrashBoundary } from './CrashBoundary';
import { startI18n } from './i18n';

interface AppOptions {
  realm: Realm;
  texts: ResourceLanguage;
  /** Vite's BASE_URL. */
  base: string;
  routes: ReactNode;
  /** Loads what an account that is signed in will see, while the server is being asked whether it is. */
  preload?: () => Promise<unknown>[];
}

/** The whole of an app's main.tsx but for its texts and routes. */
export function startApp({ realm, texts, base, routes, preload }: AppOptions) {
  startI18n(texts);
  const session = new AuthSession(realm);
  connectClient(session);
  session.start();
  // A chunk that can't be loaded now is asked for again when it is needed.
  if (session.getState().phase === 'starting') preload?.().forEach((chunk) => chunk.catch(() => undefined));

  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <AppFrame session={session}>
        <CrashBoundary>
          <BrowserRouter basename={base}>{routes}</BrowserRouter>
        </CrashBoundary>
      </AppFrame>
    </StrictMode>,
  );
}
