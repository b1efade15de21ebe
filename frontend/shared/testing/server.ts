import { http, HttpResponse, type HttpResponseResolver } from 'msw';
import { setupServer } from 'msw/node';
import type { Problem } from '../api/generated/types.gen';
import type * as contract from '../api/generated/types.gen';

/** Is there, and answers nothing else by itself: each test says what the server says. */
export const server = setupServer(http.get('*/livez', () => HttpResponse.json({ status: 'ok' })));

type Json = Record<string, unknown>;

/**
 * Which operations can be answered, and with what, by method and path; the types are the contract's, so an answer that the
 * server could not give does not compile.
 */
export interface Answers {
  'POST /api/v1/users': contract.SignedIn;
  'POST /api/v1/users/sessions': contract.SignedIn;
  'POST /api/v1/users/sessions/refresh': contract.SignedIn;
  'DELETE /api/v1/users/sessions/current': null;
  'POST /api/v1/movers': contract.SignedIn;
  'POST /api/v1/movers/sessions': contract.SignedIn;
  'POST /api/v1/movers/sessions/refresh': contract.SignedIn;
  'DELETE /api/v1/movers/sessions/current': null;
  'GET /api/v1/movers': contract.MoverPage;
  'PATCH /api/v1/movers/:mover_id': contract.Mover;
  'POST /api/v1/movers/invitations': contract.CreatedInvitation;
  'GET /api/v1/movers/invitations': contract.InvitationPage;
  'DELETE /api/v1/movers/invitations/:invitation_id': null;
  'GET /api/v1/me': contract.Account;
  'PATCH /api/v1/me': contract.Account;
  'PUT /api/v1/me/password': null;
  'GET /api/v1/me/sessions': contract.SessionPage;
  'DELETE /api/v1/me/sessions/:session_id': null;
  'POST /api/v1/api-keys': contract.CreatedApiKey;
  'GET /api/v1/api-keys': contract.ApiKeyPage;
  'DELETE /api/v1/api-keys/:key_id': null;
  'POST /api/v1/webhooks': contract.WebhookWithSecret;
  'GET /api/v1/webhooks': contract.WebhookPage;
  'GET /api/v1/webhooks/:webhook_id': contract.Webhook;
  'PATCH /api/v1/webhooks/:webhook_id': contract.Webhook;
  'DELETE /api/v1/webhooks/:webhook_id': null;
  'POST /api/v1/webhooks/:webhook_id/secret': contract.WebhookWithSecret;
  'POST /api/v1/webhooks/:webhook_id/test': contract.Delivery;
  'POST /api/v1/webhooks/:webhook_id/replay': contract.ReplayResult;
  'GET /api/v1/webhooks/:webhook_id/deliveries': contract.DeliveryPage;
  'GET /api/v1/webhooks/:webhook_id/deliveries/:delivery_id': contract.DeliveryWithAttempts;
  'POST /api/v1/webhooks/:webhook_id/deliveries/:delivery_id/resend': contract.Delivery;
  'POST /api/v1/orders': contract.Order;
  'POST /api/v1/orders/batch': contract.OrderBatchResult;
  'GET /api/v1/orders/export.csv': string;
  'GET /api/v1/orders': contract.OrderPage;
  'GET /api/v1/orders/counts': contract.OrderCounts;
  'GET /api/v1/orders/:order_id': contract.OrderWithEvents;
  'PATCH /api/v1/orders/:order_id': contract.Order;
  'GET /api/v1/orders/:order_id/events': contract.EventPage;
  'POST /api/v1/orders/:order_id/events': contract.EventAndOrder;
  'PUT /api/v1/orders/:order_id/assignee': contract.AssignmentResult;
  'DELETE /api/v1/orders/:order_id/assignee': contract.AssignmentResult;
  'POST /api/v1/events/batch': contract.EventBatchResult;
  'GET /api/v1/track/:order_id': contract.PublicOrder;
}

type Answer<T> = T | Problem | ((request: { body: Json; url: URL; headers: Headers }) => T | Problem | Promise<T | Problem>);

/** `answer('GET /api/v1/orders', { data: [], next_cursor: null })`, or with a function of the request. */
export function answer<K extends keyof Answers>(operation: K, with_: Answer<Answers[K]>) {
  const [method, path] = operation.split(' ') as [string, string];
  const resolve: HttpResponseResolver = async ({ request }) => {
    const text = await request.clone().text();
    const asked = { body: (text ? JSON.parse(text) : {}) as Json, url: new URL(request.url), headers: request.headers };
    const result = typeof with_ === 'function' ? await with_(asked) : with_;
    if (result === null) return new HttpResponse(null, { status: 204 });
    if (typeof result === 'string') return new HttpResponse(result, { headers: { 'Content-Type': 'text/csv; charset=utf-8' } });
    if (isProblem(result)) {
      return HttpResponse.json(result as unknown as Json, {
        status: result.status,
        headers: { 'Content-Type': 'application/problem+json' },
      });
    }
    return HttpResponse.json(result as unknown as Json);
  };
  const verb = method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
  server.use(http[verb](`*${path}`, resolve));
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'request_id' in value;
}
