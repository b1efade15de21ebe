import type { Event } from '@shared/api';
import { useCallback, useEffect, useRef, useState } from 'react';

const FRESH = 2_500;

/** Orders that changed a moment ago, whoever changed them: their cards light up once. */
export function useFreshOrders() {
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const held = timers.current;
    return () => held.forEach((timer) => clearTimeout(timer));
  }, []);
  const onEvent = useCallback(({ order_id }: Event) => {
    clearTimeout(timers.current.get(order_id));
    const wilt = () => {
      timers.current.delete(order_id);
      setFresh((held) => new Set([...held].filter((id) => id !== order_id)));
    };
    timers.current.set(order_id, setTimeout(wilt, FRESH));
    setFresh((held) => (held.has(order_id) ? held : new Set(held).add(order_id)));
  }, []);
  return { fresh, onEvent };
}
