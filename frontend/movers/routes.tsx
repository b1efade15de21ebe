import { AnonymousOnly, RequireAccount, Starting } from '@shared/auth/gates';
import { lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router';

const SignInPage = lazy(() => import('./auth/SignInPage'));
const JoinPage = lazy(() => import('./auth/JoinPage'));
const JoinSignedIn = lazy(() => import('./auth/JoinSignedIn'));
const MoversShell = lazy(() => import('./MoversShell'));
const BoardPage = lazy(() => import('./features/board/components/BoardPage'));
const OrderPage = lazy(() => import('./features/order/components/OrderPage'));
const PeoplePage = lazy(() => import('./features/people/components/PeoplePage'));
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
          <Route path="/profile" element={<ProfilePage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Route>
      </Routes>
    </Suspense>
  );
}
