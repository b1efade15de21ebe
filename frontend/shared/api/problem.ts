import type { Problem, Violation } from './generated/types.gen';

export type ProblemCode = Problem['code'];

/** An answer of the server that says no: RFC 9457, with the stable `code` that the apps decide by. */
export class ProblemError extends Error implements Problem {
  override name = 'ProblemError';
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly request_id: string;
  readonly errors: Violation[];
  readonly allowed: Problem['allowed'];
  readonly order_status: Problem['order_status'];
  readonly version: Problem['version'];
  readonly order: Problem['order'];
  readonly order_id: Problem['order_id'];
  readonly assignee: Problem['assignee'];
  /** Seconds to wait before trying again, where the server named them. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail);
    this.type = problem.type;
    this.title = problem.title;
    this.status = problem.status;
    this.detail = problem.detail;
    this.code = problem.code;
    this.request_id = problem.request_id;
    this.errors = problem.errors ?? [];
    this.allowed = problem.allowed;
    this.order_status = problem.order_status;
    this.version = problem.version;
    this.order = problem.order;
    this.order_id = problem.order_id;
    this.assignee = problem.assignee;
    this.retryAfter = retryAfter;
  }
}

/** No answer at all, or one that is not from our server (a proxy's error page). */
export class UnreachableError extends Error {
  override name = 'UnreachableError';
}

export function hasCode(error: unknown, ...codes: ProblemCode[]): error is ProblemError {
  return error instanceof ProblemError && codes.includes(error.code);
}

/** Whether the same request may well succeed a little later. */
export function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ProblemError && error.status >= 500);
}

/** Turns whatever the generated client caught into one of the two classes above. */
export function toError(error: unknown, response: Response | undefined): Error {
  if (error instanceof ProblemError || error instanceof UnreachableError) return error;
  if (error instanceof DOMException && error.name === 'AbortError') return error;
  if (isProblem(error)) {
    const seconds = Number(response?.headers.get('Retry-After') ?? NaN);
    return new ProblemError(error, Number.isFinite(seconds) ? seconds : undefined);
  }
  return new UnreachableError(response ? `Answered ${response.status}` : 'No answer', { cause: error });
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'status' in value;
}

/** `/recipient/name` → `recipient.name`, the path by which forms know their fields; RFC 6901 escapes undone. */
export function pointerToPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');
}
