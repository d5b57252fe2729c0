import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';
import { asNobody, emptyFolder, ownFile, ownKey, type Service, start, unprivileged } from './service.ts';
import { libraries, unpacked } from './unpacked.ts';

/** Dovecot, which lets in everybody with the password "secret"; nobody before STARTTLS, unless the port is for TLS only. */
export function startDovecot(identity: IdentityFiles, how: 'secure' | 'STARTTLS'): Promise<Service> {
  const data = emptyFolder(identity, `dovecot-${how}`);
  const programs = unpacked('usr/lib/dovecot');
  const modules = join(programs, 'modules');
  const key = ownKey(identity, data);
  const isSecure = how === 'secure';
  return start({
    ready: /starting up for imap/,
    environment: {
      ...libraries(programs, modules, join(modules, 'old-stats')),
      LD_PRELOAD: preloaded(identity.folder),
      DOVECOT_MODULES: modules,
    },
    command: (port) => {
      const text = `
        protocols = imap
        listen = 127.0.0.1
        base_dir = ${data}/run
        state_dir = ${data}/run
        libexec_dir = ${programs}
        log_path = /dev/stderr
        import_environment = LD_PRELOAD LD_LIBRARY_PATH DOVECOT_MODULES
        default_internal_user = ${unprivileged.user}
        default_internal_group = ${unprivileged.group}
        default_login_user = ${unprivileged.user}
        ssl = required
        ssl_cert = <${identity.files.cert}
        ssl_key = <${key}
        mail_location = maildir:${data}/mail/%u
        auth_mechanisms = plain
        passdb {
          driver = static
          args = password=secret
        }
        userdb {
          driver = static
          args = uid=${unprivileged.uid} gid=${unprivileged.gid} home=${data}/mail/%u
        }
        ${['anvil', 'stats'].map((name) => `service ${name} {\n chroot =\n }`).join('\n')}
        service imap-login {
          chroot =
          inet_listener imap {
            port = ${isSecure ? 0 : port}
          }
          inet_listener imaps {
            port = ${isSecure ? port : 0}
            ssl = yes
          }
        }
        `;
      const file = ownFile(data, 'dovecot.conf', text);
      // The server would have itself started like this, but by a path that is not ours.
      const server = [unpacked('usr/sbin/dovecot'), '-F', '-c', file];
      const reader = unpacked('usr/bin/doveconf');
      return asNobody([reader, '-f', 'service=master', '-m', 'master', '-c', file, '-e', ...server]);
    },
    // It takes those with it that it has started.
    signal: 'SIGTERM',
  });
}

function preloaded(folder: string): string {
  const made = join(folder, 'dovecot-modules');
  mkdirSync(made, { recursive: true });
  const library = join(made, 'library.so');
  const source = fileURLToPath(new URL('./dovecot-modules.c', import.meta.url));
  execFileSync(program('cc'), ['-shared', '-fPIC', '-o', library, source]);
  return library;
}
