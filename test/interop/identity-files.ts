import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issue, makeAuthority } from '../helpers/certificates.ts';

/** One authority, one server and one client, as text for us and as files for programs. */
export interface IdentityFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly folder: string;
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  /** A client of the same authority. */
  readonly client: { readonly cert: string; readonly key: string };
  remove(): void;
}

/** `names`: the server's; by default what tests call it. */
export async function makeIdentityFiles({ names }: { names?: readonly string[] } = {}): Promise<IdentityFiles> {
  const authority = await makeAuthority({ keyKind: 'rsa' });
  const { cert, key } = await issue(authority, { keyKind: 'rsa', ...(names && { names }) });
  const client = await issue(authority, { usage: 'client', keyKind: 'rsa' });
  const folder = mkdtempSync(join(tmpdir(), 'ktls-interop-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    ca: authority.cert,
    cert,
    key,
    folder,
    files: { ca: write('ca.pem', authority.cert), cert: write('cert.pem', cert), key: write('key.pem', key) },
    client: { cert: write('client-cert.pem', client.cert), key: write('client-key.pem', client.key) },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
