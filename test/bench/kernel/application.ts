// On the emulated machine: what a server's process executes for each byte of files of 1 MiB that an application as it is pipes into its responses, with
// node:tls and with `--import ktls/register` and nothing else said. A line of JSON. Arguments: an identity as JSON, how many files.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { fileURLToPath } from 'node:url';

const file = '/dev/shm/application.bin';
const program = fileURLToPath(import.meta.url);
const register = fileURLToPath(new URL('../../../src/register.ts', import.meta.url));

/** The application: it knows nothing of ktls. Tells its port, then for each message its processor time in microseconds. */
function serve(identity: { cert: string; key: string }): void {
  const server = https.createServer(identity, (_, response) => {
    response.setHeader('content-length', statSync(file).size);
    createReadStream(file).pipe(response);
  });
  server.listen(0, '127.0.0.1', () => process.send?.(Object(server.address()).port));
  process.on('message', () => {
    process.send?.(process.cpuUsage());
  });
}

function download(port: number, agent: https.Agent, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    https
      .get({ port, host: '127.0.0.1', servername: 'localhost', ca, agent }, (response) => {
        response.resume().on('end', resolve).on('error', reject);
      })
      .on('error', reject);
  });
}

/** Instructions a byte: of the program itself, and of the kernel for it. */
interface Cost {
  readonly user: number;
  readonly system: number;
}

async function count(execArgv: string[], identity: { cert: string; key: string }, files: number): Promise<Cost> {
  const serving = fork(program, ['serve', JSON.stringify(identity)], { execArgv });
  const [port] = await once(serving, 'message');
  const agent = new https.Agent({ keepAlive: true });
  const used = async (): Promise<Cost> => {
    serving.send('');
    return (await once(serving, 'message'))[0];
  };
  for (let i = 0; i < warmUp; i++) await download(port, agent, identity.cert);
  const before = await used();
  for (let i = 0; i < files; i++) await download(port, agent, identity.cert);
  const after = await used();
  agent.destroy();
  serving.kill();
  const perByte = (part: keyof Cost): number => ((after[part] - before[part]) * 1000) / (files * 2 ** 20);
  return { user: perByte('user'), system: perByte('system') };
}

function sealedByKernel(): number {
  return Number(/TlsTxSw\s+(\d+)/.exec(readFileSync('/proc/net/tls_stat', 'utf8'))?.[1] ?? 0);
}

/** Files until V8 has compiled what it will. */
const warmUp = 200;

const [, , first = '', second = ''] = process.argv;
if (first === 'serve') serve(JSON.parse(second));
else {
  writeFileSync(file, Buffer.alloc(2 ** 20, 90));
  const before = sealedByKernel();
  const ktls = await count(['--import', register], JSON.parse(first), Number(second));
  const sockets = sealedByKernel() - before;
  const node = await count([], JSON.parse(first), Number(second));
  const ratio = (ktls.user + ktls.system) / (node.user + node.system);
  console.log(JSON.stringify({ ktls, node, ratio, sockets }));
  process.exit();
}
