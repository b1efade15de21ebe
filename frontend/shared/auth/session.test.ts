import { http, HttpResponse } from 'msw';
import { expect, onTestFinished, test } from 'vitest';
import { connectClient } from '../api/client';
import { getMe } from '../api/generated/sdk.gen';
import { sampleAccount, sampleProblem, sampleSignedIn } from '../testing/samples';
import { answer, server } from '../testing/server';
import { AuthSession } from './session';

function newSession(realm: 'users' | 'movers' = 'users') {
  const session = new AuthSession(realm);
  onTestFinished(() => session.close());
  return session;
}

/** Counts how often a session was refreshed; each time another token. */
function countRefreshes() {
  const counted = { times: 0 };
  answer('POST /api/v1/users/sessions/refresh', () => {
    counted.times += 1;
    return sampleSignedIn({ access_token: `token-${counted.times + 1}` });
  });
  return counted;
}

test('a first visit asks the server for nothing', () => {
  const session = newSession();
  session.start();
  expect(session.getState()).toEqual({ phase: 'anonymous', ended: false });
});

test('a reload goes on by the cookie', async () => {
  newSession().adopt(sampleSignedIn());
  countRefreshes();
  const reloaded = newSession();
  reloaded.start();
  await expect.poll(() => reloaded.getState()).toEqual({ phase: 'signed_in', account: sampleAccount() });
  expect(await reloaded.token()).toBe('token-2');
});

test('the token is nowhere but in memory', () => {
  newSession().adopt(sampleSignedIn({ access_token: 'very-secret' }));
  expect(JSON.stringify(localStorage)).not.toContain('very-secret');
});

test('a session that has ended says so', async () => {
  newSession().adopt(sampleSignedIn());
  answer('POST /api/v1/users/sessions/refresh', sampleProblem({ status: 401, code: 'session_ended' }));
  const reloaded = newSession();
  reloaded.start();
  await expect.poll(() => reloaded.getState()).toEqual({ phase: 'anonymous', ended: true });
});

test('a server that is not well signs nobody out', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn({ expires_in: 1 }));
  answer('POST /api/v1/users/sessions/refresh', sampleProblem({ status: 503, code: 'database_unavailable' }));
  await session.token();
  expect(session.getState().phase).toBe('signed_in');
});

test('many who need a token at once cause one refresh', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn({ expires_in: 1 }));
  const refreshes = countRefreshes();
  expect(await Promise.all([session.token(), session.token(), session.token()])).toEqual(['token-2', 'token-2', 'token-2']);
  expect(refreshes.times).toBe(1);
});

test('a request that is refused with 401 is sent again with a new token, once', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn());
  connectClient(session);
  const refreshes = countRefreshes();
  const seen: (string | null)[] = [];
  server.use(
    http.get('*/api/v1/me', ({ request }) => {
      seen.push(request.headers.get('Authorization'));
      const good = seen.at(-1) === 'Bearer token-2';
      return good ? HttpResponse.json(sampleAccount()) : HttpResponse.json(sampleProblem({ status: 401, code: 'token_expired' }), { status: 401 });
    }),
  );
  const { data } = await getMe({ throwOnError: true });
  expect(data).toEqual(sampleAccount());
  expect(seen).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(refreshes.times).toBe(1);
});

test('signing out is heard in the other tabs of the realm, and not in the other realm', async () => {
  const [here, there, movers] = [newSession(), newSession(), newSession('movers')];
  here.adopt(sampleSignedIn());
  countRefreshes();
  await expect.poll(() => there.getState().phase).toBe('signed_in');
  movers.adopt(sampleSignedIn({ account: sampleAccount({ realm: 'movers', role: 'mover' }) }));
  answer('DELETE /api/v1/users/sessions/current', null);
  await here.logOut();
  await expect.poll(() => there.getState().phase).toBe('anonymous');
  expect(movers.getState().phase).toBe('signed_in');
});
