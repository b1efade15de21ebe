import { QueryClientContext, QueryClientProvider } from '@tanstack/react-query';
import { use, useState, type ReactNode } from 'react';
import { LiveProvider } from '../api/LiveProvider';
import { createQueryClient } from '../api/queryClient';
import { useAuthSession } from './AuthProvider';

/**
 * What only those who are signed in need, and sign-in does not download: query cache and live socket. Both belong to one
 * account (RequireAccount gives its ID as the key), so nothing that one account read is ever shown to the next.
 */
export default function SignedIn({ children }: { children: ReactNode }) {
  const session = useAuthSession();
  // Tests hand in a client of their own, one that does not retry.
  const given = use(QueryClientContext);
  const [queries] = useState(() => given ?? createQueryClient());
  return (
    <QueryClientProvider client={queries}>
      <LiveProvider token={session.token}>{children}</LiveProvider>
    </QueryClientProvider>
  );
}
