export { clusterStore } from './tickets/cluster-store.ts';
export {
  createTicketKeyring,
  type TicketKeyHolder,
  TicketKeyring,
  type TicketKeyringEvents,
  type TicketKeyringOptions,
} from './tickets/keyring.ts';
export { memoryStore } from './tickets/memory-store.ts';
export { type RedisClient, redisStore } from './tickets/redis-store.ts';
export { type SessionStoreOptions, type SessionStoring, storeSessions } from './tickets/session-store.ts';
export type { SharedStore } from './tickets/shared-store.ts';
export { threadStore } from './tickets/thread-store.ts';
