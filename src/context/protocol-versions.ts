import type tls from 'node:tls';
import { typeError } from '../errors/coded.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { defaults } from './defaults.ts';

/** Versions as on the wire. */
export interface VersionRange {
  min: number;
  max: number;
}

/** The versions that may be negotiated, from node:tls's options and its defaults. */
export function versionRange(options: tls.SecureContextOptions): VersionRange {
  const method: unknown = options.secureProtocol;
  if (method) refuseConflict(method, options);
  // What is no text is passed over, as by node:tls.
  if (method && typeof method === 'string') return methodRange(method);
  const min = versionNumber(options.minVersion ?? defaults.DEFAULT_MIN_VERSION, 'minimum');
  const max = versionNumber(options.maxVersion ?? defaults.DEFAULT_MAX_VERSION, 'maximum');
  return { min, max };
}

/** node:tls's name of a version on the wire. */
export function versionName(version: number): string {
  return Object.entries(names).find(([, number]) => number === version)?.[0] ?? 'unknown';
}

function versionNumber(name: string, which: 'minimum' | 'maximum'): number {
  const version = names[name];
  if (version !== undefined) return version;
  const shown = typeof name === 'string' ? `"${name}"` : String(name);
  throw typeError('ERR_TLS_INVALID_PROTOCOL_VERSION', `${shown} is not a valid ${which} TLS protocol version`);
}

function refuseConflict(method: unknown, options: tls.SecureContextOptions): void {
  const conflict = options.minVersion ?? options.maxVersion;
  if (!conflict) return;
  throw typeError(
    'ERR_TLS_PROTOCOL_VERSION_CONFLICT',
    `TLS protocol version "${conflict}" conflicts with secureProtocol "${method}"`,
  );
}

/** OpenSSL 1.0's names of methods: TLS_method, TLSv1_2_client_method and so on. */
function methodRange(method: string): VersionRange {
  if (/^SSLv23(_client|_server)?_method$/.test(method)) {
    return { min: versionNumber(defaults.DEFAULT_MIN_VERSION, 'minimum'), max: ProtocolVersion.tls12 };
  }
  const [min, max] = methods[method.replace(/_(client|server)_method$/, '_method')] ?? [];
  if (min !== undefined && max !== undefined) return { min, max };
  throw typeError('ERR_TLS_INVALID_PROTOCOL_METHOD', `Unknown method: ${method}`);
}

const names: Readonly<Record<string, number>> = {
  TLSv1: 0x0301,
  'TLSv1.1': 0x0302,
  'TLSv1.2': ProtocolVersion.tls12,
  'TLSv1.3': ProtocolVersion.tls13,
};

const methods: Readonly<Record<string, readonly [number, number]>> = {
  TLS_method: [0x0301, ProtocolVersion.tls13],
  TLSv1_method: [0x0301, 0x0301],
  TLSv1_1_method: [0x0302, 0x0302],
  TLSv1_2_method: [ProtocolVersion.tls12, ProtocolVersion.tls12],
};
