import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { listen } from '../helpers/listen.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';

/** A server of somebody else's, with TLS on, for one test. */
export interface Service {
  readonly port: number;
  stop(): Promise<void>;
}

export interface Description {
  /** What it says on stdout or stderr when it can be connected to. */
  readonly ready: RegExp;
  readonly command: (port: number) => readonly string[];
  /** Added to this process's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What makes it end at once and leave nothing. */
  readonly signal?: NodeJS.Signals;
}

/** On a free port. None of them can choose one itself, so another process may take it meanwhile; then there is another try. */
export async function start({ ready, command, environment, signal = 'SIGKILL' }: Description): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const [name = '', ...words] = command(port);
    // Some tell on stdout and some on stderr.
    const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', name, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    const said: string[] = [];
    const late = setTimeout(() => child.kill('SIGKILL'), patience);
    const isUp = await isReady(child, ready, said);
    clearTimeout(late);
    if (isUp) return { port, stop: () => stop(child, signal) };
    if (attempt === attempts || child.killed) throw new Error(`${name} did not come up: ${said.join('\n')}`);
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
export function asNobody(command: readonly string[]): string[] {
  if (!isRoot) return [...command];
  return ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...command];
}

/** For a server's files, and owned by it. */
export function emptyFolder({ folder }: IdentityFiles, name: string): string {
  chmodSync(folder, 0o755);
  const made = mkdtempSync(join(folder, `${name}-`));
  own(made);
  return made;
}

/** The certificate and its key, readable for the server and nobody else. */
export function ownKey(identity: IdentityFiles, folder: string): string {
  chmodSync(identity.files.cert, 0o644);
  return ownFile(folder, 'key.pem', identity.key);
}

/** The authority's certificate, readable for the server. */
export function authorityOf({ files }: IdentityFiles): string {
  chmodSync(files.ca, 0o644);
  return files.ca;
}

/** A file that the server owns and nobody else can read. */
export function ownFile(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  own(file);
  return file;
}

/** Gives a file or a folder to the server. */
export function own(path: string): void {
  if (isRoot) chownSync(path, nobody, nobody);
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
/** Less than Vitest's for a hook, so that a server which hangs is ended and tells why. */
const patience = 25_000;

/** Who the servers run as. */
export const unprivileged = {
  user: isRoot ? 'nobody' : userInfo().username,
  group: isRoot ? 'nogroup' : execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim(),
  uid: isRoot ? nobody : userInfo().uid,
  gid: isRoot ? nobody : userInfo().gid,
};
