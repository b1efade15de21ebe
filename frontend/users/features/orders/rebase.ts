import { toPatch, type OrderValues } from './orderValues';

export interface Conflict {
  field: keyof OrderValues & string;
  mine: unknown;
  theirs: unknown;
}

/**
 * Puts the changes made in a form (from `base` to `mine`) on top of what the order has become meanwhile. A field changed on
 * both sides keeps what was typed here and is named as a conflict.
 */
export function rebase(base: OrderValues, mine: OrderValues, theirs: OrderValues) {
  const changedHere = toPatch(base, mine);
  const changedThere = toPatch(base, theirs);
  const differing = toPatch(theirs, mine);
  const values: OrderValues = { ...theirs };
  const conflicts: Conflict[] = [];
  for (const field of Object.keys(changedHere) as Conflict['field'][]) {
    (values as Record<string, unknown>)[field] = mine[field];
    if (field in changedThere && field in differing) conflicts.push({ field, mine: mine[field], theirs: theirs[field] });
  }
  return { values, conflicts };
}
