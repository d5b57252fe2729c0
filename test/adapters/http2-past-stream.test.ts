import { once } from 'node:events';
import nodeHttp2 from 'node:http2';
import net from 'node:net';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import http2 from '../../src/http2.ts';
import type { TLSSocket } from '../../src/index.ts';
import { loadAddon } from '../../src/platform/addon/addon.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { unless } from '../helpers/unless.ts';
import { afterTest, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

/** Elsewhere the addon sends at once what the system takes. */
const isLater: boolean = process.platform === 'win32' || 'refused' in loadAddon();

type Answer = (stream: nodeHttp2.ServerHttp2Stream, session: nodeHttp2.Http2Session) => void;

interface Pair {
  readonly client: nodeHttp2.ClientHttp2Session;
  /** The server's session, and what carries it. */
  readonly served: Promise<{ session: nodeHttp2.Http2Session; socket: TLSSocket }>;
  /** Between them: what the server sends stays on its way while this is paused. */
  readonly middle: Promise<net.Socket>;
}

/** A session of node:http2, through a proxy, to a server that answers each stream. */
async function start(answer: Answer, options: { readonly ciphers?: string } = {}): Promise<Pair> {
  const server = http2.createSecureServer({ ...identity, ...options });
  const secured = once(server, 'secureConnection');
  const opened = once(server, 'session');
  server.on('session', (session) => afterTest(() => session.destroy()));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    const { session } = stream;
    if (session) answer(stream, session);
  });
  const port = await serve(server);
  const proxy = net.createServer((near) => {
    const far = net.connect(port);
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
    near.pipe(far);
    far.on('data', (bytes) => near.write(bytes));
    far.on('end', () => near.end());
    proxy.emit('far', far);
  });
  const middle = once(proxy, 'far').then(([far]): net.Socket => far);
  const settings = { initialWindowSize: 2 ** 30 };
  const client = nodeHttp2.connect(`https://localhost:${await serve(proxy)}`, {
    ...{ ca: authority.cert, settings, ciphers: options.ciphers },
  });
  client.on('error', () => {});
  client.on('connect', () => client.setLocalWindowSize(2 ** 30));
  afterTest(() => client.destroy());
  const served = Promise.all([opened, secured]).then(([[session], [socket]]) => ({ session, socket }));
  return { client, served, middle };
}

/** More than a system takes of a connection that nobody reads. */
const large = Buffer.alloc(48 * 1024 * 1024, 'large');

/** Asks for what is large while nobody reads. Answered when the system has taken what it takes of it. */
async function blocked(whenBlocked: Answer): Promise<Blocked> {
  let isBlocked = (): void => {};
  const reached = new Promise<void>((resolve) => {
    isBlocked = resolve;
  });
  let finished = false;
  const pair = await start((stream, session) => {
    stream.once('finish', () => {
      finished = true;
    });
    stream.end(large);
    // A session writes in the turn after.
    setImmediate(() =>
      setImmediate(() => {
        whenBlocked(stream, session);
        isBlocked();
      }),
    );
  });
  await once(pair.client, 'remoteSettings');
  (await pair.middle).pause();
  const asked = pair.client.request({ ':path': '/' });
  asked.on('error', () => {});
  await reached;
  return { ...pair, asked, hasFinished: () => finished };
}

interface Blocked extends Pair {
  readonly asked: nodeHttp2.ClientHttp2Stream;
  readonly hasFinished: () => boolean;
}

const answered = Buffer.alloc(60_000, 'answered');

describe('what a session reads and writes', () => {
  test('goes past the stream of its socket, and is counted', async () => {
    const { client, served } = await start((stream) => stream.pipe(stream));
    const { socket } = await served;
    const told: string[] = [];
    for (const name of ['write', 'push'] as const) {
      const own = socket[name];
      Reflect.set(socket, name, (...args: unknown[]) => {
        told.push(name);
        return Reflect.apply(own, socket, args);
      });
    }
    const before = { read: socket.bytesRead, written: socket.bytesWritten };
    const stream = client.request({ ':method': 'POST' });
    stream.end('there and back');
    expect(String(await buffer(stream))).toBe('there and back');
    expect(told).toEqual([]);
    expect(socket.bytesRead).toBeGreaterThan(before.read + 14);
    expect(socket.bytesWritten).toBeGreaterThan(before.written + 14);
  });

  test('is read by whoever else listens', async () => {
    const { client, served } = await start((stream) => stream.pipe(stream));
    const { socket } = await served;
    let heard = 0;
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.length;
    });
    const before = socket.bytesRead;
    const stream = client.request({ ':method': 'POST' });
    stream.end('there and back');
    expect(String(await buffer(stream))).toBe('there and back');
    expect(heard).toBe(socket.bytesRead - before);
  });

  test('is kept by the stream while that is paused', async () => {
    const { client, served } = await start((stream) => stream.end());
    const { socket } = await served;
    await once(client, 'remoteSettings');
    const { push } = socket;
    const pushed = new Promise((resolve) => {
      Reflect.set(socket, 'push', (...args: unknown[]) => {
        resolve(args[0]);
        return Reflect.apply(push, socket, args);
      });
    });
    socket.pause();
    const answered = new Promise((resolve) => client.ping(resolve));
    await pushed;
    expect(socket.readableLength).toBeGreaterThan(0);
    socket.resume();
    expect(await answered).toBe(null);
  });

  test.each([0, 1])('is whole where OpenSSL protects it, in %d threads', async (handshakeThreads) => {
    const options = { ciphers: 'TLS_AES_128_CCM_SHA256', handshakeThreads };
    const { client } = await start((stream) => stream.end(answered), options);
    for (let i = 0; i < 5; i++) {
      const stream = client.request({ ':path': '/' });
      expect((await buffer(stream)).equals(answered)).toBe(true);
    }
  });

  test('leaves behind what the socket’s stream has to write', async () => {
    const { client, served } = await start((stream) => {
      // Frames that are joined in memory that is lent.
      stream.end(answered);
      // A session writes in the turn after.
      setImmediate(() => setImmediate(async () => (await served).socket.uncork()));
    });
    const { socket } = await served;
    await once(client, 'remoteSettings');
    const told: string[] = [];
    socket.cork();
    // A PING (RFC 9113 §6.7).
    socket.write(Buffer.from('0000080600000000000102030405060708', 'hex'));
    client.on('ping', (payload: Buffer) => told.push(payload.toString('hex')));
    const stream = client.request({ ':path': '/' });
    stream.on('response', () => told.push('response'));
    expect((await buffer(stream)).equals(answered)).toBe(true);
    expect(told).toEqual(['0102030405060708', 'response']);
  });

  // Node.js itself drops what is thrown where a write comes to its end later, as reading begins again at that moment.
  unless(isLater && 'here no write is done at once', test)(
    'a listener’s exception is nobody’s but the process’s',
    async () => {
      const thrown = new Error('thrown by a listener');
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      afterTest(() => {
        for (const other of others) process.on('uncaughtException', other);
      });
      const heard = once(process, 'uncaughtException');
      const { client } = await start((stream) => {
        stream.write('first', () => {
          stream.end(' and last');
          throw thrown;
        });
      });
      const answer = buffer(client.request({ ':path': '/' }));
      expect((await heard)[0]).toBe(thrown);
      expect(String(await answer)).toBe('first and last');
    },
  );
});

unless(process.platform === 'win32' && 'Windows takes all that is written', describe)(
  'where the system takes no more',
  () => {
    test('a session waits, and all of it arrives', async () => {
      const { asked, middle, hasFinished } = await blocked(() => {});
      expect(hasFinished()).toBe(false);
      (await middle).resume();
      expect((await buffer(asked)).equals(large)).toBe(true);
      expect(hasFinished()).toBe(true);
    });

    test('the end of a session comes behind its last write', async () => {
      const { client, asked, middle, hasFinished } = await blocked((_stream, session) => session.close());
      const closed = once(client, 'close');
      expect(hasFinished()).toBe(false);
      (await middle).resume();
      expect((await buffer(asked)).equals(large)).toBe(true);
      await closed;
    });

    test('what has not gone is an error, where the peer ends first and then resets', async () => {
      const { served, middle } = await blocked(() => {});
      const { session, socket } = await served;
      const failed = once(session, 'error');
      const ended = once(socket, 'end');
      (await middle).end();
      await ended;
      (await middle).resetAndDestroy();
      const [error] = await failed;
      // Whether the stream has told 'finish' before depends on which of its two ends node:http2 hears of first.
      expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
    });

    test('a session can be destroyed', async () => {
      const { asked, middle, served } = await blocked((_stream, session) => session.destroy());
      const { session } = await served;
      expect(session.destroyed).toBe(true);
      asked.resume();
      const gone = once(asked, 'close');
      (await middle).resume();
      await gone;
    });

    test('a socket that is destroyed takes its session with it', async () => {
      const { asked, middle, served } = await blocked(() => {});
      const { session, socket } = await served;
      const closed = once(session, 'close');
      socket.destroy();
      await closed;
      expect(session.destroyed).toBe(true);
      asked.resume();
      const failed = once(asked, 'close');
      (await middle).resume();
      await failed;
      expect(asked.rstCode).not.toBe(nodeHttp2.constants.NGHTTP2_NO_ERROR);
    });
  },
);
