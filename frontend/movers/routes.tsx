import { AnonymousOnly, RequireAccount, Starting } from '@shared/auth/gates';
import { lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router';

const SignInPage = lazy(() => import('./auth/SignInPage'));
const JoinPage = lazy(() => import('./auth/JoinPage'));
const JoinSignedIn = lazy(() => import('./auth/JoinSignedIn'));
const MoversShell = lazy(async () => {
  const shell = await import('./MoversShell');
  // While nothing else is to be done: then dialogs and pages open at once, and also where the line is lost.
  setTimeout(() => soon.forEach((load) => load().catch(() => undefined)), 2_000);
  return shell;
});
const loadBoard = () => import('./features/board/components/BoardPage');
const BoardPage = lazy(loadBoard);
const loadOrder = () => import('./features/order/components/OrderPage');
const OrderPage = lazy(loadOrder);
const soon: (() => Promise<unknown>)[] = [
  loadBoard,
  loadOrder,
  () => import('./features/moves/components/MoveDialog'),
  () => import('./features/order/components/HandOverDialog'),
  () => import('./features/board/components/BatchResults'),
  () => import('./features/palette/components/Palette'),
];
const PeoplePage = lazy(() => import('./features/people/components/PeoplePage'));
const IntegrationsPage = lazy(() => import('@shared/integrations/IntegrationsPage'));
const WebhookPage = lazy(() => import('@shared/integrations/WebhookPage'));
const ProfilePage = lazy(() => import('@shared/profile/ProfilePage'));
const NotFoundPage = lazy(() => import('./NotFoundPage'));

/** All addresses of the movers' app, below /movers/. */
export function MoversRoutes() {
  return (
    <Suspense fallback={<Starting />}>
      <Routes>
        <Route path="/sign-in" element={<AnonymousOnly><SignInPage /></AnonymousOnly>} />
        <Route path="/join" element={<AnonymousOnly signedIn={<JoinSignedIn />}><JoinPage /></AnonymousOnly>} />
        <Route element={<RequireAccount><MoversShell /></RequireAccount>}>
          <Route path="/" element={<BoardPage />} />
          <Route path="/orders/:id" element={<OrderPage />} />
          <Route path="/people" element={<PeoplePage />} />
          <Route path="/integrations" element={<IntegrationsPage />} />
          <Route path="/integrations/webhooks/:webhookId" element={<WebhookPage />} />
          <Route path="/profile" element={<ProfilePage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Route>
      </Routes>
    </Suspense>
  );
}
