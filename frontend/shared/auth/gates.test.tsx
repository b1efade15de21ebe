import { act, screen } from '@testing-library/react';
import { Route, Routes, useLocation } from 'react-router';
import { expect, test } from 'vitest';
import { renderApp } from '../testing/render';
import { sampleProblem, sampleSignedIn } from '../testing/samples';
import { answer } from '../testing/server';
import './SignedIn';
import { RequireAccount } from './gates';

function SignInPage() {
  return <p>Sign in: {JSON.stringify(useLocation().state)}</p>;
}

function open(signedIn?: ReturnType<typeof sampleSignedIn>) {
  const routes = (
    <Routes>
      <Route path="/sign-in" element={<SignInPage />} />
      <Route path="/orders/:id" element={<RequireAccount>Your order</RequireAccount>} />
    </Routes>
  );
  return renderApp(routes, { texts: {}, at: '/orders/7K3M9Q2XTB?tab=1', signedIn });
}

test('who is not signed in comes back after signing in', async () => {
  open();
  expect(await screen.findByText('Sign in: {"from":"/orders/7K3M9Q2XTB?tab=1","ended":false}')).toBeVisible();
});

test('so does who was signed out by the server', async () => {
  answer('POST /api/v1/users/sessions/refresh', sampleProblem({ status: 401, code: 'session_ended' }));
  const { session } = open(sampleSignedIn({ expires_in: 1 }));
  await act(() => session.token());
  expect(await screen.findByText('Sign in: {"from":"/orders/7K3M9Q2XTB?tab=1","ended":true}')).toBeVisible();
});

test('after signing out by hand nothing is remembered: the next may be somebody else', async () => {
  answer('DELETE /api/v1/users/sessions/current', null);
  const { session } = open(sampleSignedIn());
  await screen.findByText('Your order');
  await act(() => session.logOut());
  expect(await screen.findByText('Sign in: {}')).toBeVisible();
});
