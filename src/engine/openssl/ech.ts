import type { EchResult } from '../../connection/handshake.ts';
import { abandoned } from './abandoned.ts';
import type { EchExports, EchKeysPointer } from './ffi.ts';
import type { LiveEngine } from './live-engine.ts';
import type { EngineModule } from './module.ts';

/** A private key and its ECHConfigs, PEM (RFC 9934). */
export interface EchKeyFile {
  readonly pem: Uint8Array;
  /** Its configurations are what clients are told whose own did not fit. */
  readonly retry: boolean;
}

/** A server's keys for encrypted hellos, in one of OpenSSL's instances. */
export class EngineEchKeys {
  readonly pointer: EchKeysPointer;
  readonly module: EngineModule;

  /** Throws {@link OpenSSLError} for a file that has no key. */
  constructor(module: EngineModule, files: readonly EchKeyFile[]) {
    const exports = echOf(module);
    const pointer = module.expect(exports.ktls_ech_keys_new());
    this.module = module;
    this.pointer = pointer;
    abandoned.register(this, () => exports.ktls_ech_keys_free(pointer));
    for (const { pem, retry } of files) {
      using bytes = module.heap.copyIn(pem);
      module.expect(exports.ktls_ech_keys_add(pointer, bytes.address, bytes.length, retry ? 1 : 0));
    }
  }
}

/** Numbers of RFC 9180 §7. */
export interface HpkeSuite {
  readonly kem: number;
  readonly kdf: number;
  readonly aead: number;
}

/** A new key with its ECHConfigList for `publicName`, PEM: a secret. `maxNameLength` in bytes, 0 for what is not said. */
export function generateEchKey(
  module: EngineModule,
  { publicName, maxNameLength, suite }: { publicName: string; maxNameLength: number; suite: HpkeSuite },
): Uint8Array {
  using name = module.heap.copyText(publicName);
  const { kem, kdf, aead } = suite;
  const made = echOf(module).ktls_ech_generate(name.address, maxNameLength, kem, kdf, aead);
  return module.result(module.expect(made)) ?? new Uint8Array();
}

/** What a handshake is told of its encrypted hello. */
export class EchSetup {
  readonly #engine: LiveEngine;

  constructor(engine: LiveEngine) {
    this.#engine = engine;
  }

  /** Server. */
  useKeys(keys: EngineEchKeys): void {
    const { module, live } = this.#engine;
    module.expect(echOf(module).ktls_engine_use_ech_keys(live, keys.pointer));
  }

  /** Client: an ECHConfigList. Throws {@link OpenSSLError} for what is none, or has nothing that OpenSSL knows. */
  setConfigs(list: Uint8Array): void {
    const { module, live } = this.#engine;
    using bytes = module.heap.copyIn(list);
    module.expect(echOf(module).ktls_engine_set_ech_configs(live, bytes.address, bytes.length));
  }

  /** Client: the name that everybody can read, in place of the configuration's. */
  setOuterName(name: string): void {
    const { module, live } = this.#engine;
    using text = module.heap.copyText(name);
    module.expect(echOf(module).ktls_engine_set_ech_outer_name(live, text.address));
  }

  /** Client: the protocols that everybody can read, in wire format (RFC 7301 §3.1). */
  setOuterAlpn(protocols: Uint8Array): void {
    const { module, live } = this.#engine;
    using bytes = module.heap.copyIn(protocols);
    module.expect(echOf(module).ktls_engine_set_ech_outer_alpn(live, bytes.address, bytes.length));
  }

  /** Client: an extension that looks like an encrypted hello (RFC 9849 §6.2). */
  grease(): void {
    const { module, live } = this.#engine;
    echOf(module).ktls_engine_grease_ech(live);
  }
}

/** What became of the encrypted hello; undefined where none was asked for, and before the handshake has come that far. */
export function echResult({ module, live }: LiveEngine, isServer: boolean): EchResult | undefined {
  const bytes = module.ech && module.result(module.ech.ktls_engine_ech(live));
  if (!bytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const status = (isServer ? serverStatus : clientStatus).get(view.getInt32(0, true));
  if (status === undefined) return undefined;
  const nameEnd = 8 + view.getUint32(4, true);
  const name = bytes.subarray(8, nameEnd);
  const retry = bytes.slice(nameEnd + 4);
  return {
    status,
    outerServerName: name.length > 0 ? String.fromCharCode(...name) : undefined,
    retryConfigs: retry.length > 0 ? retry : undefined,
  };
}

function echOf({ ech }: EngineModule): EchExports {
  if (!ech) throw new Error('this OpenSSL has no Encrypted ClientHello');
  return ech;
}

/** By SSL_ECH_STATUS_* (SSL_ech_get1_status(3)). What OpenSSL says of the certificate besides is told where certificates are judged. */
const clientStatus = new Map<number, EchResult['status']>([
  [1, 'accepted'],
  [-102, 'accepted'],
  [0, 'rejected'],
  [-105, 'rejected'],
  [-106, 'rejected'],
  [2, 'greased'],
  [3, 'greased'],
]);
const serverStatus = new Map<number, EchResult['status']>([
  [1, 'accepted'],
  [-102, 'accepted'],
  // Grease, or encrypted for a key that is not among the server's: nobody but the client can tell which.
  [2, 'rejected'],
  [3, 'rejected'],
  [4, 'backend'],
  [-101, 'absent'],
]);
