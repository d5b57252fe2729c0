import type { ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import type { AeadName } from '../../src/record/traffic-keys.ts';

/** Every version with every AEAD, for describe.each. */
export const allSuites: readonly (readonly [name: string, AeadName, ProtocolVersionNumber])[] = [
  ['TLS 1.2', 'aes-128-gcm', ProtocolVersion.tls12],
  ['TLS 1.2', 'aes-256-gcm', ProtocolVersion.tls12],
  ['TLS 1.2', 'chacha20-poly1305', ProtocolVersion.tls12],
  ['TLS 1.3', 'aes-128-gcm', ProtocolVersion.tls13],
  ['TLS 1.3', 'aes-256-gcm', ProtocolVersion.tls13],
  ['TLS 1.3', 'chacha20-poly1305', ProtocolVersion.tls13],
];
