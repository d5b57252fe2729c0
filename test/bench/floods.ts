import { once } from 'node:events';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import ktls from '../../src/index.ts';
import { type Identity, issue } from '../helpers/certificates.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { bulkContenders, type Contender } from './contenders.ts';
import { type Effort, inTurns, type Listener, makeRow, type Sample, warmUps } from './measure.ts';
import { type Work, withSubjects } from './subjects.ts';

const kinds = ['KeyUpdate, byte of data', 'records of a byte', 'hello in records of a byte'] as const;
type Kind = (typeof kinds)[number];

/** What a megabyte costs a server that a peer has made to cost as much as it can: all that is sent is well-formed TLS 1.3. */
export async function floods(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const names = bulkContenders().filter((name) => name !== 'tcp' && name !== 'kernel');
  for (const kind of kinds)
    await withSubjects(
      'takeFlood',
      names,
      () => ({ identity, kind, bytes: Math.ceil(1_000_000 * scale) }),
      async (subjects) => {
        const samples = await inTurns(
          subjects,
          warmUps + rounds,
          async (run): Promise<Sample> => ({ figure: (await run()).result }),
          (round) => listener.progress(`${kind}: round ${round - warmUps} of ${rounds}`),
        );
        for (const all of Object.values(samples)) all.splice(0, warmUps);
        const goals = { native: { ratio: 2 }, wasm: { ratio: 2 } };
        listener.row(makeRow({ name: `1 MB: ${kind}`, unit: 'ms', better: 'less', goals, samples }));
      },
    );
}

/** Milliseconds of processor time from the flood's first byte to the end of the connection. */
export async function takeFlood(
  contender: Contender,
  { identity, kind, bytes }: { readonly identity: Identity; readonly kind: Kind; readonly bytes: number },
): Promise<Work> {
  const gone: (() => void)[] = [];
  const server = await contender.listen(identity, { version: 'TLSv1.3' }, (socket) => {
    socket.resume().on('error', () => {});
    socket.on('end', () => socket.end()).on('close', () => gone.shift()?.());
  });
  const secureContext = ktls.createSecureContext({ ca: identity.cert, minVersion: 'TLSv1.3' });
  return {
    async run() {
      const socket = net.connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const flood = kind === 'hello in records of a byte' ? longHello() : await recordsOf(kind, socket, bytes);
      const closed = new Promise<void>((resolve) => {
        socket.once('close', () => resolve());
        // A server that is not told of its socket has answered, and may leave TCP open.
        if (kind === 'hello in records of a byte') socket.once('data', () => resolve());
        else gone.push(resolve);
      });
      await turn();
      const before = process.cpuUsage();
      socket.end(flood);
      await closed;
      const { user, system } = process.cpuUsage(before);
      socket.destroy();
      return (user + system) / 1000;
    },
  };

  async function recordsOf(flood: Kind, socket: net.Socket, length: number): Promise<Buffer> {
    const peer = new RawPeer(socket, { isServer: false, secureContext });
    await peer.secure;
    await turn();
    peer.hold();
    for (let sent = 0; sent < length; sent += flood === 'records of a byte' ? 23 : 50) {
      if (flood !== 'records of a byte') peer.updateKeys();
      peer.send(23, Uint8Array.of(0));
    }
    peer.send(21, Uint8Array.of(1, 0));
    return peer.take();
  }

  /** A hello with an extension that nobody knows, as long as OpenSSL reads one. */
  function longHello(): Buffer {
    const extension = Buffer.concat([Buffer.from([0x7a, 0, 0xff, 0]), Buffer.alloc(0xff00)]);
    const versions = Buffer.from([0, 43, 0, 3, 2, 3, 4]);
    const extensions = Buffer.concat([versions, extension]);
    const head = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32, 1), Buffer.from([0, 0, 2, 0x13, 1, 1, 0])]);
    const body = Buffer.concat([head, Buffer.from([extensions.length >> 8, extensions.length & 255]), extensions]);
    const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
    return Buffer.concat(Array.from(message, (byte) => Buffer.from([22, 3, 1, 0, 1, byte])));
  }
}
