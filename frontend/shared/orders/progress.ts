import type { Status } from '../api/generated/types.gen';

const road = ['created', 'started', 'in_progress', 'completed'] as const;

export type StepState = 'done' | 'current' | 'ahead' | 'held' | 'cancelled';
export interface Step {
  status: Status;
  state: StepState;
  /** When the order got there, if it did. */
  time: string | null;
}

/** The little of an event that the road needs; both kinds of event have it. */
export interface Move {
  type: string;
  status: Status;
  occurred_at: string;
}

/**
 * The four steps from created to completed. An order on hold, or cancelled, is shown where it was when that happened:
 * holding is an interruption of the road, not a step on it.
 */
export function stepsOf(status: Status, moves: Move[]): Step[] {
  const times = new Map<Status, string>();
  let reached = 0;
  let place = 0;
  for (const move of moves) {
    if (move.type !== 'order.created' && move.type !== 'order.status_changed') continue;
    const index = road.indexOf(move.status as (typeof road)[number]);
    if (index < 0) continue;
    times.set(move.status, move.occurred_at);
    place = index;
    reached = Math.max(reached, index);
  }
  const own = road.indexOf(status as (typeof road)[number]);
  const here = own >= 0 ? own : place;
  return road.map((step, index) => {
    const state = stateOf(index, here, status);
    return { status: step, state, time: state === 'ahead' ? null : (times.get(step) ?? null) };
  });
}

function stateOf(index: number, here: number, status: Status): StepState {
  if (index > here) return 'ahead';
  if (index < here) return 'done';
  if (status === 'on_hold') return 'held';
  if (status === 'cancelled') return 'cancelled';
  return status === 'completed' ? 'done' : 'current';
}
