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
}

/** The whole of an app's main.tsx but for its texts and routes. */
export function startApp({ realm, texts, base, routes }: AppOptions) {
  startI18n(texts);
  const session = new AuthSession(realm);
  connectClient(session);
  session.start();

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
