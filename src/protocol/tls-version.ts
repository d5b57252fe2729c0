import { ProtocolVersion } from './version.ts';

/** Versions that captures may have, as on the wire. */
export const TlsVersion: {
  readonly tls10: 0x0301;
  readonly tls11: 0x0302;
  readonly tls12: 0x0303;
  readonly tls13: 0x0304;
} = {
  tls10: 0x0301,
  tls11: 0x0302,
  ...ProtocolVersion,
};

/** As node:tls calls them. */
export function versionName(version: number): string {
  return versionNames.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`;
}

/** Whether records of it can be opened. */
export function isSupported(version: number): boolean {
  return Object.values<number>(TlsVersion).includes(version);
}

const versionNames = new Map<number, string>([
  [0x0300, 'SSLv3'],
  [TlsVersion.tls10, 'TLSv1'],
  [TlsVersion.tls11, 'TLSv1.1'],
  [TlsVersion.tls12, 'TLSv1.2'],
  [TlsVersion.tls13, 'TLSv1.3'],
]);
