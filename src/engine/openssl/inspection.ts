import type { EchResult, Inspection } from '../../connection/handshake.ts';
import { certificates } from './certificate-list.ts';
import { echResult } from './ech.ts';
import type { EngineExports } from './ffi.ts';
import type { LiveEngine } from './live-engine.ts';

/** What OpenSSL can be asked about a connection. */
export class EngineInspection implements Inspection {
  readonly #engine: LiveEngine;
  readonly #exports: EngineExports;
  readonly #isServer: boolean;

  constructor(engine: LiveEngine, isServer: boolean) {
    this.#engine = engine;
    this.#isServer = isServer;
    this.#exports = engine.module.exports;
  }

  get session(): Uint8Array | undefined {
    return this.#engine.module.result(this.#exports.ktls_engine_session(this.#engine.live));
  }

  get ticket(): Uint8Array | undefined {
    return this.#engine.module.result(this.#exports.ktls_engine_ticket(this.#engine.live));
  }

  get ownCertificate(): Uint8Array | undefined {
    return certificates(this.#engine.module.result(this.#exports.ktls_engine_own_certificate(this.#engine.live)))[0];
  }

  get verifiedChain(): Uint8Array[] {
    return certificates(this.#engine.module.result(this.#exports.ktls_engine_verified_chain(this.#engine.live)));
  }

  get ephemeralKey(): { type: string; size: number; name: string } | undefined {
    const text = this.#engine.module.resultText(this.#exports.ktls_engine_ephemeral_key(this.#engine.live));
    if (text === undefined) return undefined;
    const [type = '', size = '', name = ''] = text.split('\n');
    return { type, size: Number(size), name };
  }

  get sharedSignatureAlgorithms(): string[] {
    return (
      this.#engine.module.resultText(this.#exports.ktls_engine_shared_sigalgs(this.#engine.live))?.split(':') ?? []
    );
  }

  get ech(): EchResult | undefined {
    return echResult(this.#engine, this.#isServer);
  }

  finishedMessage(side: 'own' | 'peer'): Uint8Array | undefined {
    return this.#engine.module.result(
      this.#exports.ktls_engine_finished_message(this.#engine.live, side === 'peer' ? 1 : 0),
    );
  }

  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Uint8Array {
    using name = this.#engine.module.heap.copyText(label);
    using bytes = this.#engine.module.heap.copyIn(context ?? new Uint8Array());
    const address = context === undefined ? 0 : bytes.address;
    const done = this.#exports.ktls_engine_export(this.#engine.live, length, name.address, address, bytes.length);
    return this.#engine.module.result(this.#engine.module.expect(done)) ?? new Uint8Array();
  }
}
