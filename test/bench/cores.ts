// node test/bench/cores.ts [ROUNDS]: what a whole handshake costs a server in one process, in two of node:cluster and in two threads on one port, in processor
// time of all that belongs to it. OpenSSL's own client asks on the same machine, so that how many there are in a second says little.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { EventEmitter, on, once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { issue, makeAuthority } from '../helpers/certificates.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ktls-cores-'));
mkdirSync(join(folder, 'node_modules'));
symlinkSync(root, join(folder, 'node_modules/ktls'));
const { key, cert } = await issue(await makeAuthority());
writeFileSync(join(folder, 'key.pem'), key);
writeFileSync(join(folder, 'cert.pem'), cert);
writeFileSync(join(folder, 'many-cores.mjs'), readFileSync(join(root, 'examples/many-cores.mjs')));

const kinds = [
  ['cluster', 1],
  ['cluster', 2],
  ['threads', 2],
] as const;
const figures = new Map<string, number[]>();
for (let round = 0; round < Number(process.argv[2] ?? 3); round++) {
  for (const [kind, count] of kinds) {
    const name = count === 1 ? 'one process' : `two ${kind === 'cluster' ? 'processes of node:cluster' : kind}`;
    figures.set(name, [...(figures.get(name) ?? []), await measure(kind, count)]);
  }
}
rmSync(folder, { recursive: true });

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const [one = 1] = [...figures.values()].map(median);
for (const [name, values] of figures) {
  const middle = median(values);
  console.log(`${name}: ${middle.toFixed(0)} µs a handshake, ${(middle / one).toFixed(2)} times one process`);
}

/** Microseconds of processor time for each handshake. */
async function measure(kind: string, count: number): Promise<number> {
  const server = spawn(process.execPath, ['many-cores.mjs', kind, String(count), '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await portOf(server);
    await ask(port, 1);
    const before = processorTime(server.pid ?? 0);
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(port, 3)));
    const connections = answers.reduce((sum, each) => sum + each, 0);
    return (processorTime(server.pid ?? 0) - before) / connections;
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

/** Microseconds that a process and its children have had so far (proc(5)); its threads are in it. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const own = (Number(fields[11]) + Number(fields[12])) * 10_000;
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.reduce((sum, child) => sum + processorTime(Number(child)), own);
}

async function portOf(server: ChildProcess): Promise<number> {
  let said = '';
  for await (const [chunk] of on(server.stdout ?? new EventEmitter(), 'data')) {
    said += String(chunk);
    const [, port] = /listening on (\d+)/.exec(said) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('the server ended');
}

/** How many handshakes one client comes to in so many seconds, without resumption. */
async function ask(port: number, seconds: number): Promise<number> {
  const words = ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-time', String(seconds)];
  const { stdout } = await promisify(execFile)('openssl', words);
  const [, connections] = /(\d+) connections in \d+ real seconds/.exec(stdout) ?? [];
  return Number(connections);
}
