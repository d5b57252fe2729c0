import { kernelRelease } from '../../src/platform/kernel/kernel-faults.ts';
import type { KtlsOption } from '../../src/socket/ktls-policy.ts';

/** What one connection negotiates: both ends allow nothing else. */
export interface Cell {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly aead: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  /** OpenSSL's name of the suite. */
  readonly cipher: string;
}

export const cells: readonly Cell[] = [
  { version: 'TLSv1.2', aead: 'aes-128-gcm', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
  { version: 'TLSv1.2', aead: 'aes-256-gcm', cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
  { version: 'TLSv1.2', aead: 'chacha20-poly1305', cipher: 'ECDHE-ECDSA-CHACHA20-POLY1305' },
  { version: 'TLSv1.3', aead: 'aes-128-gcm', cipher: 'TLS_AES_128_GCM_SHA256' },
  { version: 'TLSv1.3', aead: 'aes-256-gcm', cipher: 'TLS_AES_256_GCM_SHA384' },
  { version: 'TLSv1.3', aead: 'chacha20-poly1305', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
];

/** One cell of a version is enough where the cipher does not matter. */
export const tls12: Cell = { version: 'TLSv1.2', aead: 'aes-128-gcm', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256' };
export const tls13: Cell = { version: 'TLSv1.3', aead: 'aes-128-gcm', cipher: 'TLS_AES_128_GCM_SHA256' };

/** The options, ours and node:tls's alike, that allow the cell only. */
export function only({ version, cipher }: Cell): {
  minVersion: Cell['version'];
  maxVersion: Cell['version'];
  ciphers: string;
} {
  return { minVersion: version, maxVersion: version, ciphers: cipher };
}

const [major = 0, minor = 0] = kernelRelease();

/** Whether this kernel can change keys: since Linux 6.14. */
export const rekeys: boolean = major > 6 || (major === 6 && minor >= 14);

/** Nothing but the kernel in both directions, also where it cannot change keys. */
export const kernelOnly: KtlsOption = { read: 'require', write: 'require', withoutRekey: true };
