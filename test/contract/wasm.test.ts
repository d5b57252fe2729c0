import { selfSigned } from '../../src/cli/self-signed.ts';
import type { Output } from '../../src/connection/handshake.ts';
import { createSecureContext } from '../../src/context/secure-context.ts';
import { Engine, offloadable } from '../../src/engine/openssl/engine.ts';
import { Alert } from '../../src/protocol/alert.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { advance } from '../../src/record/crypto-info.ts';
import { RecordBuffer } from '../../src/record/record-buffer.ts';
import type { AeadName, TrafficKeys } from '../../src/record/traffic-keys.ts';
import { referenceOpen, referenceSeal, splitRecords } from '../helpers/reference-protection.ts';
import type { OpenOptions, Outcome, RecordLayerHarness, RecordLayerUnderTest } from './harness.ts';
import { describeRecordLayer } from './record-layer.contract.ts';

const identity = selfSigned(['localhost']);

const ciphers: Readonly<Record<number, Readonly<Record<AeadName, string>>>> = {
  [ProtocolVersion.tls12]: {
    'aes-128-gcm': 'ECDHE-ECDSA-AES128-GCM-SHA256',
    'aes-256-gcm': 'ECDHE-ECDSA-AES256-GCM-SHA384',
    'chacha20-poly1305': 'ECDHE-ECDSA-CHACHA20-POLY1305',
  },
  [ProtocolVersion.tls13]: {
    'aes-128-gcm': 'TLS_AES_128_GCM_SHA256',
    'aes-256-gcm': 'TLS_AES_256_GCM_SHA384',
    'chacha20-poly1305': 'TLS_CHACHA20_POLY1305_SHA256',
  },
};

/** OpenSSL in the engine, as a server that keeps its keys. A client engine that gives its own away tells what they are. */
function wasmHarness(
  version: ProtocolVersionNumber,
  faults: RecordLayerHarness['capabilities']['faults'],
): RecordLayerHarness {
  return {
    capabilities: {
      arbitrarySequenceNumber: false,
      controlRecords: false,
      emptyData: false,
      countedExplicitNonce: false,
      seesTruncation: false,
      propertyRuns: 10,
      ...(faults && { faults }),
    },
    supports: (offered) => (offered === version ? true : 'by another'),
    open: async (options) => new WasmLayer(options),
  };
}

class WasmLayer implements RecordLayerUnderTest {
  readonly keys: RecordLayerUnderTest['keys'];
  readonly #engine: Engine;
  readonly #buffer = new RecordBuffer();
  readonly #outcomes: Outcome[] = [];
  #awaited: (() => void) | undefined;
  #failed = false;

  constructor({ version, aead }: OpenOptions) {
    const name = version === ProtocolVersion.tls13 ? 'TLSv1.3' : 'TLSv1.2';
    const context = createSecureContext({
      ...identity,
      minVersion: name,
      maxVersion: name,
      ciphers: ciphers[version]?.[aead],
    });
    const all = Object.values(offloadable);
    const none = { read: [], write: [] };
    this.#engine = new Engine(context.for({ verifiesPeer: false, isServer: true }), { isServer: true, offload: none });
    const client = new Engine(context.for({ verifiesPeer: false, isServer: false }), {
      isServer: false,
      offload: { read: all, write: all },
    });
    this.keys = handshake(this.#engine, client);
    this.#buffer.version = version;
    client.dispose();
  }

  async write(_type: number, fragment: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(Buffer.concat(ciphertexts(this.#engine.write(fragment))));
  }

  async receive(wire: Uint8Array): Promise<void> {
    this.#buffer.push(wire.slice());
    for (let record = this.#buffer.firstRecord(); record; record = this.#buffer.firstRecord()) {
      const copy = record.slice();
      this.#buffer.consume(record.length);
      this.#take(copy);
    }
    if (this.#buffer.fault) this.#take(this.#buffer.takeAll().subarray(0, 16));
    else this.#buffer.retain();
  }

  async receiveEnd(): Promise<void> {
    this.#found({ kind: 'end', truncated: false });
  }

  async next(): Promise<Outcome> {
    for (;;) {
      const outcome = this.#outcomes.shift();
      if (outcome) return outcome;
      await new Promise<void>((resolve) => {
        this.#awaited = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#engine.dispose();
  }

  #take(record: Uint8Array): void {
    if (this.#failed) return;
    let alert: number | undefined;
    for (const output of this.#engine.ciphertext(record)) {
      if (output.kind === 'applicationData') this.#found({ kind: 'data', bytes: output.bytes });
      else if (output.kind === 'alert' && output.direction === 'write') alert = output.description;
      else if (output.kind === 'error') {
        this.#failed = true;
        const known = Object.values(Alert).find((description) => description === alert);
        this.#found({ kind: 'fault', alert: known ?? Alert.internalError });
      }
    }
  }

  #found(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.#awaited?.();
  }
}

/** Runs it in memory, and answers the server's keys, each with the number of its next record. */
function handshake(server: Engine, client: Engine): RecordLayerUnderTest['keys'] {
  const keys: { read?: TrafficKeys; write?: TrafficKeys } = {};
  const next = { read: 0n, write: 0n };
  const towards = { server: [] as Uint8Array[], client: [] as Uint8Array[] };
  const route = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      if (output.kind === 'ciphertext') towards.server.push(...splitRecords(output.bytes));
      else if (output.kind === 'record') towards.server.push(seal(output));
      else if (output.kind === 'installKeys') {
        keys[output.direction] = output.keys;
        next[output.direction] = output.keys.sequenceNumber;
      }
    }
  };
  const seal = ({ type, fragment }: Output & { kind: 'record' }): Uint8Array => {
    if (!keys.write) throw new Error('no write keys');
    return referenceSeal(keys.write, next.write++, type, fragment);
  };
  route(client.resume());
  server.resume();
  while (towards.server.length + towards.client.length > 0) {
    const fromClient = towards.server.shift();
    if (fromClient) {
      for (const bytes of ciphertexts(server.ciphertext(fromClient))) towards.client.push(...splitRecords(bytes));
      continue;
    }
    const record = towards.client.shift();
    if (!record) break;
    if (!keys.read) {
      route(client.ciphertext(record));
    } else {
      const { type, fragment } = referenceOpen(keys.read, next.read++, record);
      route(client.plaintext(type, fragment));
    }
  }
  if (!keys.read || !keys.write) throw new Error('the handshake did not end');
  return { write: advance(keys.read, next.read), read: advance(keys.write, next.write) };
}

function ciphertexts(outputs: readonly Output[]): Uint8Array[] {
  return outputs.flatMap((output) => (output.kind === 'ciphertext' ? [output.bytes] : []));
}

// Where OpenSSL 3.5 answers otherwise than the RFCs have it (ssl/record/methods/tls_common.c, tls1_meth.c, tls13_meth.c).
describeRecordLayer(
  'wasm, TLS 1.2',
  wasmHarness(ProtocolVersion.tls12, {
    'wrong version': 'accepted',
    // It notices only when the cipher cannot be set up.
    'too short for a tag': Alert.internalError,
    'plaintext change_cipher_spec': Alert.internalError,
    'plaintext alert': Alert.internalError,
    // protocol_version (70), which is none of ours.
    HTTP: 'accepted',
  }),
);
describeRecordLayer(
  'wasm, TLS 1.3',
  wasmHarness(ProtocolVersion.tls13, { 'wrong version': 'accepted', 'padding too long': 'accepted' }),
);
