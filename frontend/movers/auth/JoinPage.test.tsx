import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { renderApp } from '@shared/testing/render';
import { sampleAccount, sampleProblem, sampleSignedIn } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { MoversRoutes } from '../routes';
import texts from '../texts.en.json';

async function fillIn(person: ReturnType<typeof renderApp>['person']) {
  await person.type(await screen.findByLabelText('Name'), 'Max');
  await person.type(screen.getByLabelText('Email'), 'max@movers.example');
  await person.type(screen.getByLabelText('Password'), 'correct horse');
  await person.click(screen.getByRole('button', { name: 'Join' }));
}

test('the invitation comes from the hash, and who joins is signed in', async () => {
  let sent: unknown;
  answer('POST /api/v1/movers', ({ body }) => {
    sent = body;
    return sampleSignedIn({ account: sampleAccount({ realm: 'movers', role: 'mover', name: 'Max' }) });
  });
  const { person, session } = renderApp(<MoversRoutes />, { realm: 'movers', texts, at: '/join#V7u0bRkq3oZ2xJm1' });
  await fillIn(person);
  await expect.poll(() => session.getState().phase).toBe('signed_in');
  expect(sent).toEqual({ invitation: 'V7u0bRkq3oZ2xJm1', name: 'Max', email: 'max@movers.example', password: 'correct horse' });
});

test('a used invitation says so and offers no form', async () => {
  answer('POST /api/v1/movers', sampleProblem({ status: 410, code: 'invitation_used' }));
  const { person } = renderApp(<MoversRoutes />, { realm: 'movers', texts, at: '/join#used' });
  await fillIn(person);
  expect(await screen.findByText(/was used already/)).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Join' })).toBeNull();
});

test('the server’s violations stand at their fields, the first has the focus', async () => {
  answer(
    'POST /api/v1/movers',
    sampleProblem({ errors: [{ pointer: '/password', code: 'too_long', detail: 'At most 72 bytes' }] }),
  );
  const { person } = renderApp(<MoversRoutes />, { realm: 'movers', texts, at: '/join#abc' });
  await fillIn(person);
  expect(await screen.findByText('At most 72 bytes')).toBeVisible();
  const password = screen.getByLabelText('Password');
  expect(password).toHaveAccessibleDescription(/At most 72 bytes/);
  await expect.poll(() => document.activeElement).toBe(password);
});
