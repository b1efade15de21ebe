import { createContext, use, useSyncExternalStore, type ReactNode } from 'react';
import type { Account } from '../api/generated/types.gen';
import type { AuthSession, AuthState } from './session';

const AuthContext = createContext<AuthSession | null>(null);

export function AuthProvider({ session, children }: { session: AuthSession; children: ReactNode }) {
  return <AuthContext value={session}>{children}</AuthContext>;
}

export function useAuthSession(): AuthSession {
  const session = use(AuthContext);
  if (!session) throw new Error('AuthProvider is missing');
  return session;
}

export function useAuthState(): AuthState {
  const session = useAuthSession();
  return useSyncExternalStore(session.subscribe, session.getState);
}

/** The account that is signed in; only below RequireAccount. */
export function useAccount(): Account {
  const state = useAuthState();
  if (state.phase !== 'signed_in') throw new Error('Nobody is signed in');
  return state.account;
}
