export * from './generated';
export * from './generated/@tanstack/react-query.gen';
export { client, connectClient, type TokenSource } from './client';
export { ProblemError, UnreachableError, hasCode, isPassing, pointerToPath, type ProblemCode } from './problem';
export { createQueryClient } from './queryClient';
export { LiveProvider, useLive, useLiveOrder, useLiveOrders, useLiveStatus } from './LiveProvider';
export { storeOrder } from './liveToCache';
export type { LiveStatus } from './live';
