import type { NewEvent, Reason, Target } from '@shared/api';

/** What a move or an update tells besides the status, as the form holds it. */
export interface MoveDetails extends Record<string, unknown> {
  reason: Reason | '';
  message: string;
  note: string;
  location: string;
  /** As <input type="datetime-local"> has it: in the reader's own time zone. */
  estimated_at: string;
  /** Takes the estimate away that the order has. */
  no_estimate: boolean;
}

export const noDetails: MoveDetails = {
  reason: '',
  message: '',
  note: '',
  location: '',
  estimated_at: '',
  no_estimate: false,
};

export type DetailsBody = Pick<NewEvent, 'reason' | 'message' | 'note' | 'location' | 'estimated_at'>;

export function toBody({ reason, message, note, location, estimated_at, no_estimate }: MoveDetails): DetailsBody {
  const estimate = estimated_at ? new Date(estimated_at) : null;
  return {
    ...(reason ? { reason } : {}),
    ...(message.trim() ? { message: message.trim() } : {}),
    ...(note.trim() ? { note: note.trim() } : {}),
    ...(location.trim() ? { location: location.trim() } : {}),
    ...(no_estimate ? { estimated_at: null } : estimate ? { estimated_at: estimate.toISOString() } : {}),
  };
}

/** By the contract, these two say why and no other move does. */
export function needsReason(target: Target): boolean {
  return target === 'on_hold' || target === 'cancelled';
}
