import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Direction, Output } from '../../src/connection/handshake.ts';
import type { Host } from '../../src/engine/host/host.ts';
import { EngineContext } from '../../src/engine/openssl/context.ts';
import { Engine, offloadable } from '../../src/engine/openssl/engine.ts';
import { EngineModule } from '../../src/engine/openssl/module.ts';
import { TrustStore } from '../../src/engine/openssl/trust-store.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import type { Identity } from '../helpers/certificates.ts';

export type Side = 'client' | 'server';

/** One output and the side that gave it. */
export interface Logged {
  readonly side: Side;
  readonly output: Output;
}

const wasm = new WebAssembly.Module(readFileSync(new URL('../../wasm/ktls.wasm', import.meta.url)));

/** An instance of its own, in which OpenSSL does all that `host` does not. */
export function makeModule(host: Partial<Host> = {}): EngineModule {
  return new EngineModule(wasm, { random: (target) => void randomFillSync(target), now: Date.now, ...host });
}

export const bothVersions = [
  { name: 'TLS 1.2', version: ProtocolVersion.tls12 },
  { name: 'TLS 1.3', version: ProtocolVersion.tls13 },
] as const;

/** All that record layers outside can carry, or nothing. */
export const everything: Readonly<Record<Direction, readonly number[]>> = {
  read: Object.values(offloadable),
  write: Object.values(offloadable),
};
export const nothing: Readonly<Record<Direction, readonly number[]>> = { read: [], write: [] };

export function serverContext(
  module: EngineModule,
  { cert, key }: Identity,
  version?: ProtocolVersionNumber,
): EngineContext {
  const context = new EngineContext(module, range(version));
  context.useCertificate(Buffer.from(cert));
  context.usePrivateKey(Buffer.from(key));
  context.setSessionIdContext(Buffer.from('test'));
  return context;
}

/** Trusts `ca`; nothing without it. */
export function clientContext(module: EngineModule, ca?: string, version?: ProtocolVersionNumber): EngineContext {
  const context = new EngineContext(module, range(version));
  const store = new TrustStore(module);
  if (ca) store.add(Buffer.from(ca));
  context.useTrustStore(store, false);
  return context;
}

function range(version?: ProtocolVersionNumber): { min: ProtocolVersionNumber; max: ProtocolVersionNumber } {
  return { min: version ?? ProtocolVersion.tls12, max: version ?? ProtocolVersion.tls13 };
}

/**
 * A client and a server that hand each other what comes out. Where keys were handed out there is no record protection between them: a
 * plaintext record is given to the peer as the record layers at both ends would.
 */
export class EnginePair {
  readonly client: Engine;
  readonly server: Engine;
  readonly log: Logged[] = [];
  /** Records on their way, in order. */
  #wire: { readonly to: Side; readonly output: Output; readonly record: Uint8Array }[] = [];
  readonly #suspended = new Set<Side>();

  constructor(
    contexts: { client: EngineContext; server: EngineContext },
    offload: Readonly<Record<Direction, readonly number[]>> = everything,
  ) {
    this.client = new Engine(contexts.client, { isServer: false, offload });
    const mirrored = { read: offload.write, write: offload.read };
    this.server = new Engine(contexts.server, { isServer: true, offload: mirrored });
  }

  /** The whole handshake, and what follows it at once. */
  handshake(): this {
    this.take('server', this.server.resume());
    this.take('client', this.client.resume());
    return this.pump();
  }

  /** Logs what a call put out and sends what is for the peer. */
  take(side: Side, outputs: readonly Output[]): this {
    for (const output of outputs) {
      this.log.push({ side, output });
      const to = side === 'client' ? 'server' : 'client';
      if (output.kind === 'record') this.#wire.push({ to, output, record: output.fragment });
      if (output.kind === 'ciphertext') {
        for (const record of records(output.bytes)) this.#wire.push({ to, output, record });
      }
      if (output.kind === 'question') this.#suspended.add(side);
    }
    return this;
  }

  /** Delivers until nothing is left that can be delivered. */
  pump(limit = Number.POSITIVE_INFINITY): this {
    for (let delivered = 0; delivered < limit; delivered++) {
      const next = this.#wire.findIndex(({ to }) => !this.#suspended.has(to) && !this.failed(to));
      const [item] = next < 0 ? [] : this.#wire.splice(next, 1);
      if (!item) return this;
      this.take(item.to, this.#deliver(item));
    }
    return this;
  }

  /** Goes on after `question`. */
  resume(side: Side): this {
    this.#suspended.delete(side);
    return this.take(side, this[side].resume()).pump();
  }

  outputs(side: Side): Output[] {
    return this.log.filter((logged) => logged.side === side).map(({ output }) => output);
  }

  /** The first output of that kind. */
  find<Kind extends Output['kind']>(side: Side, kind: Kind): Extract<Output, { kind: Kind }> | undefined {
    return this.outputs(side).find((output): output is Extract<Output, { kind: Kind }> => output.kind === kind);
  }

  failed(side: Side): boolean {
    return this.find(side, 'error') !== undefined;
  }

  dispose(): void {
    this.client.dispose();
    this.server.dispose();
  }

  #deliver({ to, output, record }: { to: Side; output: Output; record: Uint8Array }): Output[] {
    return output.kind === 'record' ? this[to].plaintext(output.type, record) : this[to].ciphertext(record);
  }
}

/** One word for each output: what kind, which direction, which record type. */
export function summary(outputs: readonly Output[]): string[] {
  return outputs.map((output) => {
    switch (output.kind) {
      case 'installKeys':
        return `installKeys ${output.direction}`;
      case 'record':
        return `record ${output.type}`;
      case 'alert':
        return `alert ${output.direction} ${output.description}`;
      default:
        return output.kind;
    }
  });
}

/** Splits at record boundaries. */
function records(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + ((bytes[at + 3] ?? 0) << 8) + (bytes[at + 4] ?? 0);
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}
