import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSigned } from '../../src/cli/self-signed.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';

/** The server's certificate, which clients trust. */
export const identity = selfSigned(['localhost', '127.0.0.1']);

/** The same as files, for programs; `remove` them. */
export function identityFiles(): IdentityFiles {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-kernel-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, identity.cert);
  writeFileSync(key, identity.key, { mode: 0o600 });
  return {
    ...identity,
    ca: identity.cert,
    folder,
    files: { ca: cert, cert, key },
    client: { cert, key },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
