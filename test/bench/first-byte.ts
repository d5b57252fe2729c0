import { once } from 'node:events';
import net from 'node:net';
import { type Identity, issue } from '../helpers/certificates.ts';
import { type Contender, connectionContenders, nodes } from './contenders.ts';
import { type Effort, type Goal, inTurns, type Listener, makeRow, median, type Sample, warmUps } from './measure.ts';
import { type Work, withSubjects } from './subjects.ts';

/**
 * How long a client waits for the first byte of a large response, on loopback and over a slow line: a record is opened when all of it is
 * there. The client is node:tls, on a new connection each time.
 */
export async function firstByte(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const times = Math.ceil(8 * scale);
  for (const { name, bytesPerMillisecond } of lines)
    await withSubjects(
      'receiveFirstByte',
      connectionContenders(),
      () => ({ identity, times, bytesPerMillisecond }),
      async (subjects) => {
        const samples = await inTurns(
          subjects,
          warmUps + rounds,
          async (run): Promise<Sample> => ({ figure: (await run()).result }),
          (round) => listener.progress(`${name}: round ${round - warmUps} of ${rounds}`),
        );
        for (const all of Object.values(samples)) all.splice(0, warmUps);
        const goals: Record<string, Goal> = { native: { ratio: 1 }, kernel: { ratio: 1 } };
        listener.row(makeRow({ name: `first byte of 1 MB, ${name}`, unit: 'ms', better: 'less', goals, samples }));
      },
    );
}

export async function receiveFirstByte(
  contender: Contender,
  {
    identity,
    times,
    bytesPerMillisecond,
  }: { readonly identity: Identity; readonly times: number; readonly bytesPerMillisecond?: number | undefined },
): Promise<Work> {
  const body = Buffer.alloc(2 ** 20, 1);
  const server = await contender.listen(identity, { version: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(body));
  });
  const line = bytesPerMillisecond ? await slowLine(server.port, bytesPerMillisecond) : server;
  const connect = nodes.connector(identity, { version: 'TLSv1.3' });
  return {
    /** Median of so many connections, in milliseconds. */
    async run() {
      const waited: number[] = [];
      for (let i = 0; i < times; i++) {
        const socket = connect(line.port);
        await once(socket, nodes.ready);
        const asked = performance.now();
        socket.write('?');
        await once(socket, 'data');
        waited.push(performance.now() - asked);
        const closed = once(socket, 'close');
        socket.destroy();
        await closed;
      }
      return median(waited);
    },
  };
}

/** Forwards connections; what comes back arrives no faster than this. */
async function slowLine(port: number, bytesPerMillisecond: number): Promise<{ port: number }> {
  const server = net.createServer({ noDelay: true }, (near) => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    near.pipe(far);
    // Paused, it leaves the rest to TCP's own windows.
    far.on('data', (part: Buffer) => {
      far.pause();
      deliver(part, near, bytesPerMillisecond, () => far.resume());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line does not listen on a port');
  return { port: address.port };
}

function deliver(part: Buffer, to: net.Socket, bytesPerMillisecond: number, done: () => void): void {
  const begun = performance.now();
  let delivered = 0;
  const more = (): void => {
    const due = Math.min(part.length, Math.floor((performance.now() - begun) * bytesPerMillisecond));
    if (due > delivered && !to.destroyed) to.write(part.subarray(delivered, due));
    delivered = due;
    if (delivered === part.length || to.destroyed) done();
    else setTimeout(more, 1);
  };
  more();
}

const lines = [
  { name: 'on loopback', bytesPerMillisecond: undefined },
  { name: 'at 2 Mbit/s', bytesPerMillisecond: 250 },
];
