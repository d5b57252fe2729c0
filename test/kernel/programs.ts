import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClientPeer, clientPeers, startOpensslClient } from '../interop/clients.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { type ServerPeer, serverPeers, startOpensslServer } from '../interop/servers.ts';

/** Clients that are not Node's, in the guest with us. */
export const clientPrograms: readonly ClientPeer[] = [
  ...clientPeers.filter(({ name }) => name === 'openssl s_client' || name === 'gnutls-cli'),
  {
    name: 'openssl s_client on kTLS',
    speaks: 'stream',
    start: (port, files) => startOpensslClient(port, files, withKernelTls(files)),
  },
];

/** Servers that are not Node's, in the guest with us. */
export const serverPrograms: readonly ServerPeer[] = [
  ...serverPeers.filter(({ name }) => name === 'openssl s_server' || name === 'gnutls-serv'),
  {
    name: 'openssl s_server on kTLS',
    does: 'stream',
    start: (port, files) => startOpensslServer(port, files, withKernelTls(files)),
  },
];

/** Has openssl(1) give its own records to the kernel (SSL_CONF_cmd(3), Options: KTLS). */
function withKernelTls({ folder }: IdentityFiles): Record<string, string> {
  const file = join(folder, 'openssl.cnf');
  const sections = [
    'openssl_conf = openssl',
    '[openssl]',
    'ssl_conf = ssl',
    '[ssl]',
    'system_default = tls',
    '[tls]',
    'Options = KTLS',
  ];
  writeFileSync(file, `${sections.join('\n')}\n`);
  return { OPENSSL_CONF: file };
}
