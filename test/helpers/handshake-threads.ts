import { setHandshakeThreads } from '../../src/index.ts';

// For the project `threads` of vitest.config.ts: all connections that say nothing else shake hands in another thread.
setHandshakeThreads(1);
