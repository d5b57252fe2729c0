import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { listen } from '../helpers/listen.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { asNobody, emptyFolder, own, ownFile, ownKey, type Service, unprivileged } from './service.ts';
import { libraries, unpacked } from './unpacked.ts';

/** vsftpd, one for each connection, as inetd would start it. Data only by TLS, and only in the session of the control connection. */
export async function startVsftpd(identity: IdentityFiles, how: 'secure' | 'STARTTLS'): Promise<Service> {
  const data = emptyFolder(identity, `vsftpd-${how}`);
  const root = join(data, 'files');
  mkdirSync(root);
  own(root);
  const settings = {
    // Nothing that only root may do, or that some kernels refuse.
    ...{ seccomp_sandbox: 'NO', isolate: 'NO', isolate_network: 'NO' },
    ...{ listen: 'NO', run_as_launching_user: 'YES', ftp_username: unprivileged.user },
    ...{ anonymous_enable: 'YES', no_anon_password: 'YES', anon_root: root, anon_world_readable_only: 'NO' },
    ...{ write_enable: 'YES', anon_upload_enable: 'YES', anon_other_write_enable: 'YES' },
    ...{
      ssl_enable: 'YES',
      implicit_ssl: how === 'secure' ? 'YES' : 'NO',
      allow_anon_ssl: 'YES',
      force_anon_logins_ssl: 'YES',
      force_anon_data_ssl: 'YES',
    },
    ...{ require_ssl_reuse: 'YES', ssl_ciphers: 'HIGH', strict_ssl_read_eof: 'YES' },
    ...{ rsa_cert_file: identity.files.cert, rsa_private_key_file: ownKey(identity, data) },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  const file = ownFile(data, 'vsftpd.conf', lines.join(''));
  const [command = '', ...words] = asNobody([unpacked('usr/sbin/vsftpd'), file]);

  const running = new Set<ChildProcess>();
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    const env = { ...process.env, ...libraries() };
    const child = spawn(command, words, { stdio: [socket, 'ignore', 'inherit'], env });
    running.add(child);
    child.once('close', () => running.delete(child));
    socket.destroy();
  });
  const port = await listen(server);
  return {
    port,
    async stop() {
      server.close();
      for (const child of running) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    },
  };
}
