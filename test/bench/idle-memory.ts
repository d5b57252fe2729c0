import { fork } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import { type Contender, contenders, nodes, ours } from './contenders.ts';
import type { Row } from './measure.ts';

/** What a server holds for connections that do nothing, its clients being in another process. */
export async function idleMemory(tell: (row: Row) => void, connections = 5000): Promise<void> {
  const identity = await issue(undefined);
  const our = await perConnection(ours, identity, connections);
  const their = await perConnection(nodes, identity, connections);
  const ratio = our / their;
  tell({
    name: `memory of an idle connection, ${connections}`,
    unit: 'KB',
    goal: 40,
    lessIsBetter: true,
    ours: our,
    theirs: their,
    ratio,
    least: ratio,
    most: ratio,
    processorRatio: undefined,
  });
}

async function perConnection({ name }: Contender, identity: Identity, connections: number): Promise<number> {
  const self = fileURLToPath(import.meta.url);
  const server = fork(self, ['server', name, JSON.stringify(identity), `${connections}`], {
    execArgv: ['--expose-gc'],
  });
  const [port] = await once(server, 'message');
  const client = fork(self, ['client', `${port}`, JSON.stringify(identity), `${connections}`]);
  const [kilobytes] = await once(server, 'message');
  client.kill();
  server.kill();
  return Number(kilobytes);
}

async function beServer(name: string, identity: Identity, connections: number): Promise<void> {
  const contender = Object.values(contenders).find((one) => one.name === name) ?? nodes;
  const open: net.Socket[] = [];
  let before = 0;
  const { port } = await contender.listen(identity, { version: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {});
    socket.resume();
    // The first ones load and warm up what all share.
    if (open.push(socket) === warm)
      void settled().then((memory) => {
        before = memory;
      });
    if (open.length === connections + warm) {
      void settled().then((memory) => process.send?.((memory - before) / connections / 1000));
    }
  });
  process.send?.(port);
}

async function beClient(port: number, identity: Identity, connections: number): Promise<void> {
  const connect = nodes.connector(identity, { version: 'TLSv1.3' });
  for (let i = 0; i < connections + warm; i++) {
    const socket = connect(port);
    await once(socket, nodes.ready);
    if (i === warm - 1) await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function settled(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    globalThis.gc?.();
  }
  return process.memoryUsage.rss();
}

const warm = 200;

const [, , role, subject = '', identity = '{}', connections = '0'] = process.argv;
if (role === 'server') await beServer(subject, JSON.parse(identity), Number(connections));
if (role === 'client') await beClient(Number(subject), JSON.parse(identity), Number(connections));
