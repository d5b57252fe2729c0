import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';
import { asNobody, emptyFolder, ownKey, type Service, start } from './service.ts';

/** PostgreSQL without passwords, for the user `app`. */
export function startPostgresql(identity: IdentityFiles): Promise<Service> {
  const programs = postgresqlPrograms();
  const data = emptyFolder(identity, 'postgresql');
  const words = ['-D', data, '-U', 'app', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'];
  const [initdb = '', ...rest] = asNobody([join(programs, 'initdb'), ...words]);
  execFileSync(initdb, rest, { cwd: data, stdio: ['ignore', 'ignore', 'inherit'] });
  const settings = (port: number): string[] => [
    ...[`port=${port}`, 'listen_addresses=localhost', `unix_socket_directories=${data}`, 'fsync=off', 'jit=off'],
    ...['ssl=on', `ssl_cert_file=${identity.files.cert}`, `ssl_key_file=${ownKey(identity, data)}`],
  ];
  return start({
    ready: /ready to accept connections/,
    command: (port) =>
      asNobody([join(programs, 'postgres'), '-D', data, ...settings(port).flatMap((setting) => ['-c', setting])]),
    signal: 'SIGQUIT',
  });
}

/** MariaDB without tables of users, so that everybody is root, and with no connections but encrypted ones. */
export function startMariadb(identity: IdentityFiles): Promise<Service> {
  const data = emptyFolder(identity, 'mariadb');
  const { cert } = identity.files;
  return start({
    ready: /ready for connections/,
    command: (port) =>
      asNobody([
        ...[program('mariadbd'), '--no-defaults', `--datadir=${data}`, `--socket=${join(data, 'socket')}`],
        ...['--bind-address=localhost', `--port=${port}`, '--skip-grant-tables', '--skip-networking=0'],
        ...['--require-secure-transport', `--ssl-cert=${cert}`, `--ssl-key=${ownKey(identity, data)}`],
        ...['--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', '--tmpdir=/tmp'],
      ]),
  });
}

/** Redis with a port for TLS and none for clear text. */
export function startRedis(identity: IdentityFiles): Promise<Service> {
  const data = emptyFolder(identity, 'redis');
  // One program with several names; its package has all but the server's.
  const server = join(data, 'redis-server');
  symlinkSync(program('redis-check-rdb'), server);
  const { cert } = identity.files;
  return start({
    ready: /Ready to accept connections/,
    command: (port) =>
      asNobody([
        ...[server, '--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--dir', data, '--save', ''],
        ...['--tls-cert-file', cert, '--tls-key-file', ownKey(identity, data), '--tls-auth-clients', 'no'],
      ]),
  });
}

/** nginx with TLS on both its sides: what it is asked goes on to the server at `upstream`, which has to prove that it is localhost. */
export function startNginx(
  { folder, files }: IdentityFiles,
  upstream: { readonly port: number; readonly version: string },
): Promise<Service> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const file = join(folder, 'proxy.conf');
  return start({
    ready: /start worker process/,
    command: (port) => {
      writeFileSync(
        file,
        `
        daemon off; worker_processes 1; pid ${folder}/proxy.pid; error_log stderr notice; user root;
        events { worker_connections 64; }
        http {
          access_log off; client_max_body_size 0;
          ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
          server {
            listen 127.0.0.1:${port} ssl http2; ssl_protocols ${upstream.version};
            ssl_certificate ${files.cert}; ssl_certificate_key ${files.key};
            location / {
              proxy_pass https://127.0.0.1:${upstream.port}; proxy_http_version 1.1;
              proxy_ssl_protocols ${upstream.version};
              proxy_ssl_verify on; proxy_ssl_trusted_certificate ${files.ca}; proxy_ssl_name localhost;
              proxy_ssl_server_name on; proxy_ssl_session_reuse on;
            }
          }
        }
        `,
      );
      return [program('nginx'), '-p', folder, '-c', file, '-e', 'stderr'];
    },
    signal: 'SIGTERM',
  });
}

function postgresqlPrograms(): string {
  const folder = fileURLToPath(new URL('../../build/peers/postgresql/usr/lib/postgresql', import.meta.url));
  const version = existsSync(folder) ? readdirSync(folder).at(-1) : undefined;
  if (!version) throw new Error('PostgreSQL is missing: node setup/run.mjs peers');
  return join(folder, version, 'bin');
}
