import { once } from 'node:events';
import net from 'node:net';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { type Identity, issue } from '../helpers/certificates.ts';
import { contenders } from './contenders.ts';
import { type Effort, type Listener, makeRow } from './measure.ts';

/** OpenSSL's memory after many connections of all kinds, in both roles: it must not grow with their number. */
export async function heap(listener: Listener, { scale }: Effort): Promise<void> {
  const [identity, stranger] = [await issue(undefined), await issue(undefined)];
  const { lives, end } = await prepare(identity, stranger);
  let connections = 0;
  for (const mark of [1000, 10_000, 100_000].map((count) => Math.ceil(count * scale))) {
    while (connections < mark) {
      // Many at a time, as on a server.
      const batch = Array.from(
        { length: Math.min(atOnce, mark - connections) },
        (_, i) => lives[(connections + i) % lives.length],
      );
      await Promise.all(batch.map((live) => live?.()));
      connections += batch.length;
      listener.progress(`${connections} connections, ${mebibytes().toFixed(1)} MiB`);
      // What is garbage is given back, as in a program that has time for it.
      globalThis.gc?.();
      await new Promise(setImmediate);
    }
    listener.row(
      makeRow({
        name: `OpenSSL's heap after ${connections} connections`,
        unit: 'MiB',
        better: 'less',
        samples: { wasm: [{ figure: mebibytes() }] },
      }),
    );
    listener.row(
      makeRow({
        name: `resident memory after ${connections} connections`,
        unit: 'MiB',
        better: 'less',
        samples: { wasm: [{ figure: process.memoryUsage.rss() / 2 ** 20 }] },
      }),
    );
  }
  end();
}

function mebibytes(): number {
  return engineModule().heap.size / 2 ** 20;
}

/** Each makes one connection and resolves when nothing of it is left. */
type Life = () => Promise<void>;

async function prepare(identity: Identity, stranger: Identity): Promise<{ lives: Life[]; end(): void }> {
  const { native } = contenders;
  const [modern, older] = [{ version: 'TLSv1.3' }, { version: 'TLSv1.2' }] as const;
  const onConnection = (socket: net.Socket): void => {
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => socket.end(part));
  };
  const servers = await Promise.all([modern, older].map((suite) => native.listen(identity, suite, onConnection)));
  const [port = 0, olderPort = 0] = servers.map((server) => server.port);
  // Answers whatever comes with silence, then with the end.
  const mute = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.destroy());
  });
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const address = mute.address();
  const mutePort = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const [connect, connectOlder, distrust] = [
    native.connector(identity, modern),
    native.connector(identity, older),
    native.connector(stranger, modern),
  ];
  let session: Buffer | undefined;
  const finish = (resumed: Buffer | undefined, connectTo = connect, to = port): Promise<void> => {
    const socket = connectTo(to, resumed && { session: resumed });
    socket.on('session', (told: Buffer) => {
      session = told;
    });
    socket.once(native.ready, () => socket.write('there and back'));
    return gone(socket);
  };
  return {
    lives: [
      // Finished: in full, resumed, in TLS 1.2.
      () => finish(undefined),
      () => finish(session),
      () => finish(undefined, connectOlder, olderPort),
      // Failed: a certificate that is not trusted, no version in common, no TLS at all.
      () => gone(distrust(port)),
      () => gone(connect(olderPort)),
      () => gone(plain(port, 'GET / HTTP/1.1\r\n\r\n')),
      // Abandoned: by the client before it sent all of a record, by the server, and by the client when it is halfway.
      () => gone(plain(port, '\x16\x03\x01\x02\x00\x01\x00', true)),
      () => gone(connect(mutePort)),
      () => {
        const socket = connect(port);
        socket.once('connect', () => setImmediate(() => setImmediate(() => socket.destroy())));
        return gone(socket);
      },
    ],
    end(): void {
      for (const server of [...servers, mute]) server.close();
    },
  };
}

function plain(port: number, text: string, leaves = false): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  const bytes = Buffer.from(text, 'latin1');
  if (leaves) socket.end(bytes);
  else socket.write(bytes);
  return socket;
}

async function gone(socket: net.Socket): Promise<void> {
  // How it ends is not the question: some of these are there to fail.
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'close').catch(() => {});
}

const atOnce = 90;
