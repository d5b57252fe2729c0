import { readFileSync } from 'node:fs';
import { engineModule } from '../platform/engine-host.ts';

/** What runs here. */
export function versions(): { readonly ktls: string; readonly openssl: string; readonly node: string } {
  const { version }: { version: unknown } = JSON.parse(readFileSync(packageFile, 'utf8'));
  return { ktls: String(version), openssl: engineModule().opensslVersion, node: process.versions.node };
}

const packageFile = new URL('../../package.json', import.meta.url);
