import { useEffect, useState } from 'react';
import { readOrderId } from '@shared/orders';
import { LookUpPage, TrackPage } from './TrackPage';

/** What stands behind /t/ in the address. */
function typedInAddress(): string {
  const part = window.location.pathname.split('/')[2] ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Two addresses need no router: /t/ with an ID and without. */
export function App() {
  const [typed, setTyped] = useState(typedInAddress);
  useEffect(() => {
    const onPopState = () => setTyped(typedInAddress());
    window.addEventListener('popstate', onPopState);
    return () => window.removeEventListener('popstate', onPopState);
  }, []);

  const id = readOrderId(typed);
  useEffect(() => {
    if (id && id !== typed) window.history.replaceState(null, '', `/t/${id}`);
  }, [id, typed]);

  const open = (next: string) => {
    if (next !== id) window.history.pushState(null, '', `/t/${next}`);
    window.scrollTo(0, 0);
    setTyped(next);
  };
  return id ? <TrackPage key={id} orderId={id} open={open} /> : <LookUpPage key={typed} open={open} typed={typed} />;
}
