import { endianness } from 'node:os';
import { codedError } from '../errors/coded.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { decodeKernelKeys, encodeCryptoInfo } from '../record/crypto-info.ts';
import type { KernelAeadName, TrafficKeys } from '../record/traffic-keys.ts';
import type { TLSVersionName } from './exported-keys.ts';

/** What a kernel needs to know of a direction. {@link EpochKeys} are such. */
export interface KernelKeys {
  readonly version: TLSVersionName;
  readonly aead: KernelAeadName;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  /** Number of the next record. */
  readonly sequenceNumber: bigint;
}

/**
 * The `struct tls12_crypto_info_*` (linux/tls.h) that setsockopt(SOL_TLS, TLS_TX) or (TLS_RX) takes, in the byte order of this machine.
 * Secret: wipe it after use. Throws ERR_INVALID_ARG_VALUE for what is no such keys.
 */
export function toCryptoInfo(keys: KernelKeys): Uint8Array {
  const version = versions[keys.version];
  try {
    if (version !== undefined) return encodeCryptoInfo({ ...pick(keys), version }, byteOrder);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  throw invalid(`TLS of version ${String(keys.version)} is not known to kernels`);
}

/** The reverse, for what getsockopt gives. Throws ERR_INVALID_ARG_VALUE for bytes that are no such struct, or of another cipher. */
export function fromCryptoInfo(bytes: Uint8Array): KernelKeys {
  let keys: TrafficKeys<KernelAeadName> | undefined;
  try {
    keys = decodeKernelKeys(bytes, byteOrder);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  if (!keys) throw invalid('crypto_info of a version or cipher that is not known here');
  return { ...pick(keys), version: keys.version === ProtocolVersion.tls13 ? 'TLSv1.3' : 'TLSv1.2' };
}

function pick({ aead, key, iv, sequenceNumber }: Omit<KernelKeys, 'version'>): Omit<KernelKeys, 'version'> {
  return { aead, key, iv, sequenceNumber };
}

function invalid(message: string): Error {
  return codedError('ERR_INVALID_ARG_VALUE', message);
}

const versions = { 'TLSv1.2': ProtocolVersion.tls12, 'TLSv1.3': ProtocolVersion.tls13 };
const byteOrder = endianness() === 'LE' ? 'little' : 'big';
