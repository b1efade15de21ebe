import { AnonymousOnly, RequireAccount, Starting } from '@shared/auth/gates';
import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';

const SignInPage = lazy(() => import('./auth/SignInPage'));
const RegisterPage = lazy(() => import('./auth/RegisterPage'));
const loadShell = () => import('./UsersShell');
const UsersShell = lazy(async () => {
  const shell = await loadShell();
  // While nothing else is to be done: then the other pages open at once, and also where the line is lost.
  setTimeout(() => [loadNewOrder, loadOrder, loadEditOrder].forEach((load) => load().catch(() => undefined)), 2_000);
  return shell;
});
const loadOrders = () => import('./features/orders/OrdersPage');
const OrdersPage = lazy(loadOrders);
const loadNewOrder = () => import('./features/orders/NewOrderPage');
const NewOrderPage = lazy(loadNewOrder);
const loadOrder = () => import('./features/orders/OrderPage');
const OrderPage = lazy(loadOrder);
const loadEditOrder = () => import('./features/orders/EditOrderPage');
const EditOrderPage = lazy(loadEditOrder);
const IntegrationsPage = lazy(() => import('@shared/integrations/IntegrationsPage'));
const WebhookPage = lazy(() => import('@shared/integrations/WebhookPage'));
const ImportPage = lazy(() => import('./features/import/ImportPage'));
const ProfilePage = lazy(() => import('@shared/profile/ProfilePage'));
const NotFoundPage = lazy(() => import('./NotFoundPage'));

/** What most visits of somebody who is signed in begin with. */
export const preload = () => [import('@shared/auth/SignedIn'), loadShell(), loadOrders()];

/** All addresses of the users' app. */
export function UsersRoutes() {
  return (
    <Suspense fallback={<Starting />}>
      <Routes>
        <Route path="/sign-in" element={<AnonymousOnly><SignInPage /></AnonymousOnly>} />
        <Route path="/register" element={<AnonymousOnly><RegisterPage /></AnonymousOnly>} />
        <Route element={<RequireAccount><UsersShell /></RequireAccount>}>
          <Route path="/" element={<Navigate to="/orders" replace />} />
          <Route path="/orders" element={<OrdersPage />} />
          <Route path="/orders/new" element={<NewOrderPage />} />
          <Route path="/orders/import" element={<ImportPage />} />
          <Route path="/orders/:orderId" element={<OrderPage />} />
          <Route path="/orders/:orderId/edit" element={<EditOrderPage />} />
          <Route path="/integrations" element={<IntegrationsPage />} />
          <Route path="/integrations/webhooks/:webhookId" element={<WebhookPage />} />
          <Route path="/profile" element={<ProfilePage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Route>
      </Routes>
    </Suspense>
  );
}
