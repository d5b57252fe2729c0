import { typeError } from '../../errors/coded.ts';
import { ProtocolVersion } from '../../protocol/version.ts';
import { keyLengths, nonceLength } from '../../record/aead.ts';
import type { AeadName, TrafficKeys } from '../../record/traffic-keys.ts';
import { fromHex, hex } from '../hex.ts';
import type { ExportedEpoch } from './secrets.ts';

/** What exportKeys() of a socket says of a connection, read back from JSON. */
export interface ExportedConnection {
  /** In hexadecimal. */
  readonly clientRandom: string;
  /** Lines of a key log. */
  readonly keyLog: string;
  readonly epochs: readonly ExportedEpoch[];
}

/**
 * Reads what exportKeys() gave, as JSON or as the objects themselves: one connection, or an array of them. Throws a TypeError (ERR_INVALID_ARG_VALUE) that says
 * what is missing, without what is there.
 */
export function readExportedKeys(exported: unknown): ExportedConnection[] {
  const connections: unknown[] = Array.isArray(exported) ? exported : [exported];
  return connections.map((connection, index) => readConnection(plain(connection), `keys[${index}]`));
}

function readConnection(connection: unknown, where: string): ExportedConnection {
  if (!isObject(connection)) throw invalid(`${where} is not what exportKeys() gives`);
  const random = hexField(connection, 'clientRandom', where);
  if (random.length !== 32) throw invalid(`${where}.clientRandom has ${random.length} bytes instead of 32`);
  const { keyLog } = connection;
  const epochs = ['read', 'write'].flatMap((direction) => {
    const epoch = connection[direction];
    return isObject(epoch) ? readEpoch(epoch, `${where}.${direction}`) : [];
  });
  return { clientRandom: hex(random), keyLog: typeof keyLog === 'string' ? keyLog : '', epochs };
}

/** None where there are no keys that decryption can use. */
function readEpoch(epoch: Record<string, unknown>, where: string): ExportedEpoch[] {
  const { sender, epoch: number } = epoch;
  if (sender !== 'client' && sender !== 'server') throw invalid(`${where}.sender is neither client nor server`);
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw invalid(`${where}.epoch is no whole number`);
  }
  const aead = aeads.find((name) => name === epoch.aead);
  const version = versions.get(String(epoch.version));
  if (aead === undefined || version === undefined) return [];
  const key = hexField(epoch, 'key', where);
  const iv = hexField(epoch, 'iv', where);
  if (key.length !== keyLengths[aead] || iv.length !== nonceLength) {
    throw invalid(`${where} has a key of ${key.length} and an IV of ${iv.length} bytes, which do not fit ${aead}`);
  }
  const keys: TrafficKeys = { version, aead, key, iv, sequenceNumber: 0n };
  const hasSecret = epoch.trafficSecret !== undefined && epoch.trafficSecret !== null;
  const trafficSecret = hasSecret ? hexField(epoch, 'trafficSecret', where) : undefined;
  return [{ sender, epoch: number, trafficSecret, keys }];
}

function hexField(object: Record<string, unknown>, name: string, where: string): Uint8Array {
  const digits = object[name];
  const bytes = typeof digits === 'string' ? fromHex(digits) : undefined;
  if (bytes === undefined) throw invalid(`${where}.${name} is not in hexadecimal digits`);
  return bytes;
}

function invalid(message: string): TypeError {
  return typeError('ERR_INVALID_ARG_VALUE', message);
}

/** Objects say themselves how they are written as JSON. */
function plain(value: unknown): unknown {
  return isObject(value) && typeof value.toJSON === 'function' ? JSON.parse(JSON.stringify(value)) : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const aeads: readonly AeadName[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];

const versions = new Map([
  ['TLSv1.2', ProtocolVersion.tls12],
  ['TLSv1.3', ProtocolVersion.tls13],
]);
