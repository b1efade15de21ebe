import { AnonymousOnly, RequireAccount, Starting } from '@shared/auth/gates';
import { lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router';

const SignInPage = lazy(() => import('./auth/SignInPage'));
const RegisterPage = lazy(() => import('./auth/RegisterPage'));
const UsersShell = lazy(() => import('./UsersShell'));
const NotFoundPage = lazy(() => import('./NotFoundPage'));

/** All addresses of the users' app. */
export function UsersRoutes() {
  return (
    <Suspense fallback={<Starting />}>
      <Routes>
        <Route path="/sign-in" element={<AnonymousOnly><SignInPage /></AnonymousOnly>} />
        <Route path="/register" element={<AnonymousOnly><RegisterPage /></AnonymousOnly>} />
        <Route element={<RequireAccount><UsersShell /></RequireAccount>}>
          <Route path="*" element={<NotFoundPage />} />
        </Route>
      </Routes>
    </Suspense>
  );
}
