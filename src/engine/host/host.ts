import type { CounterMode } from './counter-mode.ts';
import type { KeyExchange } from './key-exchange.ts';
import type { VerifySignature } from './private-key.ts';

/** What OpenSSL asks of whoever runs it; of what is missing here it does its part itself. */
export interface Host {
  /** Fills `target` from a cryptographically secure source. */
  random(target: Uint8Array): void;
  /** Milliseconds since 1970 (certificate validity, session times). */
  now(): number;
  readonly verify?: VerifySignature;
  /** Of its groups; OpenSSL does those of all others. */
  readonly keyExchange?: KeyExchange | undefined;
  readonly counterMode?: CounterMode | undefined;
}
