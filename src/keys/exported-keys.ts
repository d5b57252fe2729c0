import { inspect } from 'node:util';
import type { KernelAeadName } from '../record/traffic-keys.ts';
import type { Sender } from './secret-log.ts';

export type TLSVersionName = 'TLSv1.2' | 'TLSv1.3';

/** By node:crypto's names. */
type HashName = 'sha256' | 'sha384';

interface EpochValues {
  /** Seen from the socket that the keys were exported from. */
  readonly direction: 'read' | 'write';
  readonly sender: Sender;
  /** 0 for the first application keys, one more with each KeyUpdate (RFC 8446 §7.2). TLS 1.2 has only one. */
  readonly epoch: number;
  readonly version: TLSVersionName;
  /** IANA's name. */
  readonly cipherSuite: string;
  readonly aead: KernelAeadName;
  /** Of the key schedule (TLS 1.3), of the PRF (TLS 1.2). */
  readonly hash: HashName;
  /** TLS 1.3: what key and IV come from, and the next epoch's secret (RFC 8446 §7.2, §7.3). */
  readonly trafficSecret: Uint8Array | undefined;
  readonly key: Uint8Array;
  /**
   * 12 bytes. AES-GCM and AES-CCM in TLS 1.2: 4 bytes of salt, then the explicit nonce of record number `sequenceNumber`; what is
   * received carries its own.
   */
  readonly iv: Uint8Array;
  /** Number of the next record. */
  readonly sequenceNumber: bigint;
  /** Who protects the records now, or will as soon as all that was sent before has left. */
  readonly recordLayer: 'kernel' | 'native' | 'wasm';
}

/** The keys of one direction in one epoch: copies, the receiver's own to {@link dispose}. inspect() does not show them, JSON does. */
export class EpochKeys implements EpochValues {
  readonly direction: EpochValues['direction'];
  readonly sender: Sender;
  readonly epoch: number;
  readonly version: TLSVersionName;
  readonly cipherSuite: string;
  readonly aead: KernelAeadName;
  readonly hash: HashName;
  readonly trafficSecret: Uint8Array | undefined;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly sequenceNumber: bigint;
  readonly recordLayer: EpochValues['recordLayer'];

  constructor(values: EpochValues) {
    this.direction = values.direction;
    this.sender = values.sender;
    this.epoch = values.epoch;
    this.version = values.version;
    this.cipherSuite = values.cipherSuite;
    this.aead = values.aead;
    this.hash = values.hash;
    this.trafficSecret = values.trafficSecret;
    this.key = values.key;
    this.iv = values.iv;
    this.sequenceNumber = values.sequenceNumber;
    this.recordLayer = values.recordLayer;
  }

  /** Overwrites the secrets. */
  dispose(): void {
    this.key.fill(0);
    this.iv.fill(0);
    this.trafficSecret?.fill(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Bytes as hexadecimal digits, the sequence number as text. */
  toJSON(): object {
    return { ...this, ...digits(this.#secrets()), sequenceNumber: String(this.sequenceNumber) };
  }

  #secrets(): { key: Uint8Array; iv: Uint8Array; trafficSecret?: Uint8Array } {
    const { key, iv, trafficSecret } = this;
    return { key, iv, ...(trafficSecret && { trafficSecret }) };
  }
}

interface ConnectionValues {
  readonly role: Sender;
  readonly version: string;
  /** IANA's name. */
  readonly cipherSuite: string;
  readonly clientRandom: Uint8Array;
  readonly serverRandom: Uint8Array;
  /** Of the key exchange; undefined where there was none, as with RSA or when a session of TLS 1.2 was resumed. */
  readonly group: string | undefined;
  /** What the server signed with, as RFC 8446 §4.2.3 calls it; undefined where it did not. */
  readonly signatureScheme: string | undefined;
  readonly serverName: string | undefined;
  readonly alpnProtocol: string | undefined;
  readonly resumed: boolean;
  /** Lines for a key log file (RFC 9850). */
  readonly keyLog: string;
  readonly read: EpochKeys | undefined;
  readonly write: EpochKeys | undefined;
  /** Why a direction's keys are missing. */
  readonly unavailable: { readonly read?: string; readonly write?: string };
}

/** What a connection's secrets are now, and what was negotiated. inspect() does not show the secrets, JSON does. */
export class ConnectionKeys implements ConnectionValues {
  readonly role: Sender;
  readonly version: string;
  readonly cipherSuite: string;
  readonly clientRandom: Uint8Array;
  readonly serverRandom: Uint8Array;
  readonly group: string | undefined;
  readonly signatureScheme: string | undefined;
  readonly serverName: string | undefined;
  readonly alpnProtocol: string | undefined;
  readonly resumed: boolean;
  readonly keyLog: string;
  readonly read: EpochKeys | undefined;
  readonly write: EpochKeys | undefined;
  readonly unavailable: ConnectionValues['unavailable'];

  constructor(values: ConnectionValues) {
    this.role = values.role;
    this.version = values.version;
    this.cipherSuite = values.cipherSuite;
    this.clientRandom = values.clientRandom;
    this.serverRandom = values.serverRandom;
    this.group = values.group;
    this.signatureScheme = values.signatureScheme;
    this.serverName = values.serverName;
    this.alpnProtocol = values.alpnProtocol;
    this.resumed = values.resumed;
    this.keyLog = values.keyLog;
    this.read = values.read;
    this.write = values.write;
    this.unavailable = values.unavailable;
  }

  /** Overwrites the keys; the text of {@link keyLog} cannot be. */
  dispose(): void {
    this.read?.dispose();
    this.write?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toJSON(): object {
    const { clientRandom, serverRandom } = this;
    return { ...this, ...digits({ clientRandom, serverRandom }) };
  }
}

function digits(bytes: Readonly<Record<string, Uint8Array>>): Record<string, string> {
  return Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, Buffer.from(value).toString('hex')]));
}

/** Logs show objects by inspect(): what may be in a log is left of them. */
for (const { prototype } of [EpochKeys, ConnectionKeys]) {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: object, _depth: number, options: object): string {
      const shown = Object.entries(this).map(([name, value]) => [
        name,
        value && secret.has(name) ? '(not shown)' : value,
      ]);
      return `${this.constructor.name} ${inspect(Object.fromEntries(shown), options)}`;
    },
  });
}

const secret: ReadonlySet<string> = new Set(['trafficSecret', 'key', 'iv', 'keyLog']);
