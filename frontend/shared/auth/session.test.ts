import { http, HttpResponse } from 'msw';
import { expect, onTestFinished, test, vi } from 'vitest';
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
  expect(session.getState()).toEqual({ phase: 'anonymous', why: 'new' });
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
  await expect.poll(() => reloaded.getState()).toEqual({ phase: 'anonymous', why: 'ended' });
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

test('a refresh that is never answered is broken off, and repeated', async () => {
  const limits: AbortController[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    limits.push(new AbortController());
    return limits.at(-1)!.signal;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const session = newSession();
  session.adopt(sampleSignedIn({ expires_in: 1 }));
  server.use(http.post('*/api/v1/users/sessions/refresh', () => new Promise(() => {})));
  const token = session.token();
  await expect.poll(() => limits.length).toBe(1);
  limits[0]!.abort(new DOMException('', 'TimeoutError'));
  // It is what we have; whether it is still good is for the server to say.
  expect(await token).toBe('token-1');
  expect(session.getState().phase).toBe('signed_in');
  countRefreshes();
  expect(await session.token()).toBe('token-2');
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

/** Answers that come when the test says so. */
function slowly<T>(answer: T) {
  let release = () => {};
  const asked = vi.fn();
  const wait = new Promise<void>((resolve) => (release = resolve));
  return { asked, release, resolve: () => (asked(), wait.then(() => answer)) };
}

test('a refresh that comes back after signing out signs nobody in', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn({ expires_in: 1 }));
  const refresh = slowly(sampleSignedIn({ access_token: 'token-2' }));
  answer('POST /api/v1/users/sessions/refresh', refresh.resolve);
  answer('DELETE /api/v1/users/sessions/current', null);
  const token = session.token();
  await expect.poll(() => refresh.asked.mock.calls.length).toBe(1);
  const left = session.logOut();
  refresh.release();
  expect(await token).toBeNull();
  await left;
  expect(session.getState()).toEqual({ phase: 'anonymous', why: 'left' });
});

test('who signs in while the sign-out before is on its way waits for it: its answer clears the cookie', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn());
  const order: string[] = [];
  const leaving = slowly(null);
  answer('DELETE /api/v1/users/sessions/current', async () => {
    await leaving.resolve();
    order.push('left');
    return null;
  });
  answer('POST /api/v1/users/sessions', () => {
    order.push('signed in');
    return sampleSignedIn({ access_token: 'token-2' });
  });
  void session.logOut();
  const signedIn = session.logIn('uma@shop.example', 'secret');
  await expect.poll(() => leaving.asked.mock.calls.length).toBe(1);
  leaving.release();
  await signedIn;
  expect(order).toEqual(['left', 'signed in']);
  expect(await session.token()).toBe('token-2');
});

test('the server is told of a sign-out as soon as it can be reached', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const session = newSession();
  session.adopt(sampleSignedIn());
  let tries = 0;
  server.use(
    http.delete('*/api/v1/users/sessions/current', () => (++tries < 3 ? HttpResponse.error() : new HttpResponse(null, { status: 204 }))),
  );
  await session.logOut();
  expect(tries).toBe(1);
  for (const next of [2, 3]) {
    await vi.advanceTimersByTimeAsync(3_000);
    await vi.waitFor(() => expect(tries).toBe(next));
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tries).toBe(3);
});

test('a sign-out that the server never heard of is told on the next visit, and signs nobody in', async () => {
  const session = newSession();
  session.adopt(sampleSignedIn());
  server.use(http.delete('*/api/v1/users/sessions/current', () => HttpResponse.error()));
  await session.logOut();
  session.close();
  const told = vi.fn(() => null);
  answer('DELETE /api/v1/users/sessions/current', told);
  const [next, third] = [newSession(), newSession()];
  next.start();
  expect(next.getState()).toEqual({ phase: 'anonymous', why: 'new' });
  await expect.poll(() => localStorage.length).toBe(0);
  third.start();
  expect(told).toHaveBeenCalledOnce();
});

test('a sign-out that was not told does not end the session of who signed in since', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const session = newSession();
  session.adopt(sampleSignedIn());
  const told = vi.fn(() => HttpResponse.error());
  server.use(http.delete('*/api/v1/users/sessions/current', told));
  await session.logOut();
  session.adopt(sampleSignedIn({ access_token: 'token-2' }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toHaveBeenCalledOnce();
  expect(await session.token()).toBe('token-2');
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
