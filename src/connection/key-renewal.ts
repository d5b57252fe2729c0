import { ProtocolVersion } from '../protocol/version.ts';
import type { Failure } from './events.ts';
import type { Handshake, Output } from './handshake.ts';
import { recordsPerSuite } from './key-use.ts';
import type { Negotiated } from './negotiated.ts';
import type { ReadSide } from './read-side.ts';
import type { WriteSide } from './write-side.ts';

/** What a change of keys is about. */
interface Parts {
  readonly handshake: Handshake;
  readonly read: ReadSide;
  readonly write: WriteSide;
  readonly negotiated: () => Negotiated;
  readonly route: (outputs: readonly Output[]) => void;
  readonly fail: (failure: Failure) => void;
}

/** Changes keys in time (RFC 8446 §4.6.3, §5.5), or ends the connection where that is not possible. */
export class KeyRenewal {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether this side can change its keys, and with `requestPeer` follow the peer's change. */
  isPossible(requestPeer: boolean): boolean {
    const { read, write } = this.#parts;
    return write.canRekey && (!requestPeer || read.canRekey);
  }

  /** The keys of what this side sends have been used as often as they may. */
  ofWrites(): void {
    const { handshake, write, route, fail } = this.#parts;
    const isTls13 = handshake.version === ProtocolVersion.tls13;
    if (write.canRekey && isTls13) {
      route(handshake.updateKeys(false));
      if (!write.hasKeys) this.countForEngine(write);
      return;
    }
    fail(isTls13 ? { by: 'rekey', reason: keysUsedUp } : { by: 'keyUse' });
  }

  /** It is the peer that must stop using them (RFC 8446 §5.5); all that can be done is to ask. */
  ofReads(): void {
    const { handshake, route } = this.#parts;
    if (this.isPossible(true) && handshake.version === ProtocolVersion.tls13) route(handshake.updateKeys(true));
  }

  /** Before anything of the peer's change has been carried out, and our answer has left: a kernel that cannot follow ends the connection here. */
  byPeer(requestsOurs: boolean): void {
    const { read, write, fail } = this.#parts;
    if (!read.canRekey || (requestsOurs && !write.canRekey)) fail({ by: 'rekey', reason: noWay });
    if (read.layer === 'wasm') this.countForEngine(read);
    if (requestsOurs && !write.hasKeys) this.countForEngine(write);
  }

  /** OpenSSL itself protects a direction, with new keys. */
  countForEngine(side: ReadSide | WriteSide): void {
    side.countForEngine(recordsPerSuite(this.#parts.negotiated().cipher?.standardName ?? ''));
  }
}

export const noWay = 'it has no way to';
const keysUsedUp = 'as many records as is safe were sent under the same keys (RFC 8446 §5.5)';
