import { lazy, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useLocation } from 'react-router';
import { Logo } from '../ui/Logo';
import { useAuthState } from './AuthProvider';
import classes from './gates.module.css';

const SignedIn = lazy(() => import('./SignedIn'));

/** What the sign-in page is told by the page that sent one there. */
export interface SignInState {
  from?: string;
  ended?: boolean;
}

/** Lets in who is signed in, with query cache and live socket; everyone else goes to /sign-in and comes back after. */
export function RequireAccount({ children }: { children: ReactNode }) {
  const state = useAuthState();
  const { pathname, search } = useLocation();
  if (state.phase === 'anonymous') {
    const ended = state.why === 'ended';
    // Who signs in after somebody has left is perhaps somebody else, with other orders.
    const told: SignInState = state.why === 'left' ? {} : { from: pathname + search, ended };
    return <Navigate to="/sign-in" state={told} replace />;
  }
  if (state.phase !== 'signed_in') return <Starting unreachable={state.phase === 'unreachable'} />;
  return <SignedIn key={state.account.id}>{children}</SignedIn>;
}

/** For sign-in and register: who is signed in already goes on, or sees `signedIn` when they came here signed in. */
export function AnonymousOnly({ children, signedIn }: { children: ReactNode; signedIn?: ReactNode }) {
  const state = useAuthState();
  const location = useLocation();
  const [cameSignedIn, setCameSignedIn] = useState<boolean | null>(null);
  if (cameSignedIn === null && state.phase === 'signed_in') setCameSignedIn(true);
  if (cameSignedIn !== false && state.phase === 'anonymous') setCameSignedIn(false);
  if (state.phase === 'signed_in') {
    if (signedIn && cameSignedIn !== false) return signedIn;
    return <Navigate to={(location.state as SignInState | null)?.from ?? '/'} replace />;
  }
  if (state.phase !== 'anonymous') return <Starting unreachable={state.phase === 'unreachable'} />;
  return children;
}

/** Usually over before it is seen, so it shows itself only after a moment. */
export function Starting({ unreachable = false }: { unreachable?: boolean }) {
  const { t } = useTranslation('shared');
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setVisible(true), 400);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className={classes.starting} data-visible={visible || unreachable || undefined}>
      <Logo size={48} />
      <h1 className={classes.name}>{t('app.name')}</h1>
      <p role="status" className={classes.text}>
        {t(unreachable ? 'state.unreachable' : 'state.starting')}
      </p>
    </main>
  );
}
