import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { listen } from '../helpers/listen.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';

/** A server of somebody else's, with TLS on, for one test. */
export interface Service {
  readonly port: number;
  stop(): Promise<void>;
}

interface Description {
  /** What it says on stdout or stderr when it can be connected to. */
  readonly ready: RegExp;
  readonly command: (port: number) => readonly string[];
  /** What makes it end at once and leave nothing. */
  readonly signal?: NodeJS.Signals;
}

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

/** On a free port. None of them can choose one itself, so another process may take it meanwhile; then there is another try. */
async function start({ ready, command, signal = 'SIGKILL' }: Description): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const [name = '', ...words] = command(port);
    // Some tell on stdout and some on stderr.
    const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', name, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said: string[] = [];
    if (await isReady(child, ready, said)) return { port, stop: () => stop(child, signal) };
    if (attempt === attempts) throw new Error(`${name} ended at once: ${said.join('\n')}`);
  }
}

type Child = ChildProcessByStdio<null, Readable, null>;

/** False: it has ended. */
function isReady(child: Child, ready: RegExp, said: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      said.push(line);
      if (ready.test(line)) resolve(true);
    });
    child.once('close', () => resolve(false));
  });
}

async function stop(child: Child, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'close');
}

/** Databases refuse to run as root. */
function asNobody(command: readonly string[]): string[] {
  if (!isRoot) return [...command];
  return ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...command];
}

/** For a server's files, and owned by it. */
function emptyFolder({ folder }: IdentityFiles, name: string): string {
  chmodSync(folder, 0o755);
  const made = join(folder, name);
  mkdirSync(made, { mode: 0o700 });
  if (isRoot) chownSync(made, nobody, nobody);
  return made;
}

/** The certificate and its key, readable for the server and nobody else. */
function ownKey(identity: IdentityFiles, folder: string): string {
  chmodSync(identity.files.cert, 0o644);
  const file = join(folder, 'key.pem');
  if (!existsSync(file)) {
    writeFileSync(file, identity.key, { mode: 0o600 });
    if (isRoot) chownSync(file, nobody, nobody);
  }
  return file;
}

function postgresqlPrograms(): string {
  const folder = fileURLToPath(new URL('../../build/peers/postgresql/usr/lib/postgresql', import.meta.url));
  const version = existsSync(folder) ? readdirSync(folder).at(-1) : undefined;
  if (!version) throw new Error('PostgreSQL is missing: node setup/run.mjs peers');
  return join(folder, version, 'bin');
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const attempts = 3;
