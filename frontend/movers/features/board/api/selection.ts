import type { Order, Target } from '@shared/api';
import { useState } from 'react';
import { needsReason } from '../../moves/api/moveDetails';
import { isStale } from '../../moves/api/nextMove';

export interface Selection {
  /** Whether cards have a box to tick. */
  isOn: boolean;
  toggle: () => void;
  ids: ReadonlySet<string>;
  set: (id: string, isSelected: boolean) => void;
  keepOnly: (ids: Iterable<string>) => void;
}

export function useSelection(): Selection {
  const [isOn, setIsOn] = useState(false);
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  return {
    isOn,
    toggle: () => {
      setIsOn(!isOn);
      setIds(new Set());
    },
    ids,
    set: (id, isSelected) =>
      setIds((held) => new Set(isSelected ? [...held, id] : [...held].filter((other) => other !== id))),
    keepOnly: (kept) => setIds(new Set(kept)),
  };
}

/** What can be done with some of these orders, and with which: moves along the road first, then by how many they suit. */
export function movesOf(orders: Order[]): { target: Target; orders: Order[] }[] {
  const moves = new Map<Target, Order[]>();
  for (const order of orders) {
    if (isStale(order)) continue;
    for (const target of order.allowed) moves.set(target, [...(moves.get(target) ?? []), order]);
  }
  return [...moves]
    .map(([target, suited]) => ({ target, orders: suited }))
    .sort((a, b) => Number(needsReason(a.target)) - Number(needsReason(b.target)) || b.orders.length - a.orders.length);
}
