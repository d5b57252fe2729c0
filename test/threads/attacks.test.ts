import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import nodeHttp2, { connect as connectHttp2 } from 'node:http2';
import net from 'node:net';
import { duplexPair, Readable } from 'node:stream';
import nodeTls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ExpectedAnswers } from '../../src/connection/expected-answers.ts';
import { InstanceLost } from '../../src/connection/instance-lost.ts';
import { apart } from '../../src/errors/apart.ts';
import * as http2 from '../../src/http2.ts';
import * as ktls from '../../src/index.ts';
import { type KernelCalls, PollEvent } from '../../src/platform/kernel/kernel-calls.ts';
import { Carrier } from '../../src/threads/carrier.ts';
import { handshakeThread } from '../../src/threads/handshake-threads.ts';
import { type Order, toSend } from '../../src/threads/messages.ts';
import { WorkerHandshake } from '../../src/threads/worker-handshake.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { closed, listenUntilEnd, owned } from '../socket/scenario.ts';

// What attackers found, each beside this thread and node:tls.

let identities: Identities;
beforeAll(async () => {
  identities = await makeIdentities();
});

interface Tls {
  connect(options: object): net.Socket;
  createServer(options: object): net.Server;
  createSecureContext(): object;
}

const places: readonly (readonly [string, Tls, object])[] = [
  ['node:tls', nodeTls, {}],
  ['this thread', ktls, { handshakeThreads: 0 }],
  ['a thread', ktls, { handshakeThreads: 1 }],
];
const where = (port: number) => ({ port, host: '127.0.0.1', servername: 'localhost', ca: identities.authority.cert });

describe.each(places)('in %s', (_where, tls, options) => {
  test('a close_notify in the middle of a handshake ends it, though the peer stays', async () => {
    const server = net.createServer((socket) => {
      owned(socket).on('error', () => {});
      socket.once('data', () => socket.write(Buffer.from('15030300020100', 'hex')));
    });
    const client = owned(tls.connect({ ...where(await listenUntilEnd(server)), ...options }));
    const [error] = await once(client, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  test.each(['reset', 'end'])('a peer that goes while the application is asked is noticed: %s', async (how) => {
    let onAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      onAsked = resolve;
    });
    const server = tls.createServer({ ...identities.server, ...options, SNICallback: () => onAsked() });
    const failed = once(server, 'tlsClientError');
    const port = await listenUntilEnd(server);
    const raw = net.connect(port, '127.0.0.1');
    const client = nodeTls.connect({ ...where(port), socket: raw }).on('error', () => {});
    await asked;
    if (how === 'reset') raw.resetAndDestroy();
    else raw.end();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    client.destroy();
  });

  test('what is told of a connection is told in its own context', async () => {
    const store = new AsyncLocalStorage<string>();
    const reset = net.createServer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    const port = await listenUntilEnd(reset);
    const told = (tenant: string): Promise<unknown> =>
      store.run(tenant, () => {
        const client = owned(tls.connect({ ...where(port), ...options }));
        return new Promise((resolve) => client.on('error', () => resolve(store.getStore())));
      });
    expect(await told('first')).toBe('first');
    expect(await told('second')).toBe('second');
  });

  test('an identity without a certificate is refused at once', async () => {
    const { server, thrown } = refusing(tls, options);
    const client = owned(nodeTls.connect(where(await listenUntilEnd(server))).on('error', () => {}));
    expect(await thrown).toBeInstanceOf(Error);
    client.destroy();
  });
});

/** A server that gives each connection an identity that is none. */
function refusing(tls: Tls, options: object) {
  let tell = (_error: unknown): void => {};
  const thrown = new Promise<unknown>((resolve) => {
    tell = resolve;
  });
  const empty = tls.createSecureContext();
  const server = tls.createServer({
    ...identities.server,
    ...options,
    SNICallback(this: { setKeyCert?: (context: unknown) => void }, _name: string, done: () => void) {
      try {
        if (this.setKeyCert) this.setKeyCert(empty);
        else tell(new Error('there is no such method'));
      } catch (error) {
        tell(error);
      }
      done();
    },
  });
  server.on('tlsClientError', () => {});
  return { server, thrown };
}

test.each(places.slice(1))('key log lines are told while the peer keeps silent: %s', async (_where, _tls, options) => {
  const server = ktls.createServer({ ...identities.server, ...options });
  const lines: string[] = [];
  server.on('keylog', (line: Buffer) => void lines.push(String(line)));
  const port = await listenUntilEnd(server);
  // Whoever has the server's flight has not answered yet.
  const raw = owned(net.connect(port, '127.0.0.1'));
  const [mine, theirs] = duplexPair();
  const flight = once(raw, 'data');
  mine.on('data', (bytes) => raw.write(bytes));
  const client = nodeTls.connect({ socket: theirs, servername: 'localhost' }).on('error', () => {});
  await flight;
  await expect.poll(() => lines.filter((line) => /TRAFFIC_SECRET/.test(line)).length).toBeGreaterThanOrEqual(2);
  client.destroy();
});

/** A carrier on a descriptor on which all fails. */
function failing(before: (carrier: Carrier) => void) {
  let onReady = (_status: number, _events: number): void => {};
  const watched: number[] = [];
  const receive = vi.fn(() => -32);
  class SocketPoll {
    readonly receive: typeof receive = receive;
    constructor(_descriptor: number, ready: typeof onReady) {
      onReady = ready;
    }
    start(events: number): void {
      watched.push(events);
    }
    stop(): void {
      watched.push(0);
    }
    close(): void {}
  }
  const calls = { SocketPoll, send: () => -32 } as unknown as KernelCalls;
  const failed = vi.fn();
  const carrier: Carrier = new Carrier(3, false, calls, {
    ...{ failed, records: () => 0, consumed() {}, garbage() {}, end() {} },
    before: () => before(carrier),
  });
  carrier.resume();
  return { carrier, failed, receive, watched, ready: (status: number, events: number) => onReady(status, events) };
}

test('a carrier tells once that it has failed, and watches no more', () => {
  const { carrier, failed, watched, ready } = failing(() => {});
  carrier.send(Buffer.from('flight'));
  for (let i = 0; i < 5; i++) ready(0, PollEvent.writable | PollEvent.readable);
  ready(-9, 0);
  carrier.send(Buffer.from('more'));
  expect(failed.mock.calls).toEqual([[-32, 'write']]);
  expect(watched.at(-1)).toBe(0);
});

test('a carrier that fails by what was ordered before does not read', () => {
  const { failed, receive, ready } = failing((carrier) => carrier.send(Buffer.from('ordered')));
  ready(0, PollEvent.readable);
  expect(failed.mock.calls).toEqual([[-32, 'write']]);
  expect(receive).not.toHaveBeenCalled();
});

test('nothing but its own bytes is sent with an order', () => {
  const alpn = Buffer.from('\x02h2');
  expect(alpn.buffer.byteLength).toBeGreaterThan(alpn.length);
  const session = Buffer.from('a session');
  const order = { kind: 'open', id: 1, context: 1, setup: { isServer: true, alpn, session }, readsExactly: false };
  const { sent, moved } = toSend([order as unknown as Order]);
  const { setup } = structuredClone(sent as (typeof order)[], { transfer: moved })[0] ?? order;
  expect([setup.alpn, setup.session].map(({ buffer }) => buffer.byteLength)).toEqual([alpn.length, session.length]);
  expect(Buffer.from(setup.alpn)).toEqual(alpn);
});

test('what a listener throws does not keep others from being told', () => {
  const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementationOnce(() => {});
  expect(() =>
    apart(() => {
      throw new Error('theirs');
    }),
  ).not.toThrow();
  const [thrown] = later.mock.calls[0] ?? [];
  later.mockRestore();
  expect(thrown).toThrow('theirs');
});

test('a socket over a stream that nobody has any more is collected, in the middle of its handshake', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  const abandon = (): void => {
    for (let i = 0; i < 10; i++) {
      const [mine] = duplexPair();
      registry.register(ktls.connect({ socket: mine, servername: 'localhost', handshakeThreads: 1 }), i);
    }
  };
  abandon();
  const left = (): unknown[] => {
    collect();
    return [collected, handshakeThread(1)?.load];
  };
  await expect.poll(left, { timeout: 20_000 }).toEqual([10, 0]);
});

unless(process.platform !== 'linux' && 'only on Linux', test)('more handshakes than descriptors are lent', async () => {
  const server = ktls.createServer({ ...identities.server, handshakeThreads: 1 });
  server.on('tlsClientError', () => {});
  const port = await listenUntilEnd(server);
  let begun = 0;
  server.on('tlsConnection', () => begun++);
  const silent = Array.from({ length: 140 }, () => owned(net.connect(port, '127.0.0.1')).on('error', () => {}));
  await expect.poll(() => begun, { timeout: 10_000 }).toBe(140);
  expect(handshakeThread(1)?.canBorrow).toBe(false);
  const client = owned(nodeTls.connect(where(port)));
  await once(client, 'secureConnect');
  for (const socket of silent) socket.destroy();
  await Promise.all(silent.map(closed));
  await expect.poll(() => handshakeThread(1)?.canBorrow, { timeout: 10_000 }).toBe(true);
});

test.each(places.slice(1))(
  'a session’s data goes before close_notify, and behind new keys: %s',
  async (_where, _tls, options) => {
    const server = http2.createSecureServer({ ...identities.server, ...options });
    server.on('stream', (stream) => {
      const socket = sockets.shift();
      socket?.updateKeys();
      stream.respond();
      stream.end('x'.repeat(1000));
      // The session has written, past the stream, which ends by itself.
      setImmediate(() => socket?.end());
    });
    const sockets: ktls.TLSSocket[] = [];
    server.on('secureConnection', (socket) => void sockets.push(socket));
    const session = connectHttp2(`https://localhost:${await listenUntilEnd(server)}`, {
      ca: identities.authority.cert,
    });
    session.on('error', () => {});
    const stream = session.request();
    let length = 0;
    stream.on('data', (chunk) => {
      length += chunk.length;
    });
    await once(stream, 'close');
    session.destroy();
    expect(length).toBe(1000);
  },
);

interface Http2 {
  createSecureServer(options: object): nodeHttp2.Http2SecureServer;
}

const sessions: readonly (readonly [string, Http2, object])[] = [
  ['node:http2', nodeHttp2, {}],
  ['this thread', http2, { handshakeThreads: 0 }],
  ['a thread', http2, { handshakeThreads: 1 }],
  ['a thread, which protects data', http2, { handshakeThreads: 1, ciphers: 'TLS_AES_128_CCM_SHA256' }],
];

test.each(sessions)(
  'a peer that ends TCP under a session that sends ends that, and nothing else: %s',
  async (_where, module, options) => {
    const server = module.createSecureServer({ ...identities.server, ...options });
    server.on('sessionError', () => {});
    const ended = new Promise<void>((resolve) =>
      server.on('session', (session) => session.on('error', () => {}).on('close', resolve)),
    );
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond();
      Readable.from(endless()).pipe(stream);
    });
    const below = owned(net.connect(await listenUntilEnd(server), '127.0.0.1'));
    const socket = nodeTls.connect({
      ...{ socket: below, servername: 'localhost', ca: identities.authority.cert, ALPNProtocols: ['h2'], ...options },
    });
    const session = connectHttp2('https://localhost', {
      createConnection: () => socket,
      settings: { initialWindowSize: 2 ** 28 },
    });
    session.on('error', () => {}).on('connect', () => session.setLocalWindowSize(2 ** 28));
    const stream = session.request();
    stream.on('error', () => {});
    let length = 0;
    stream.on('data', (chunk) => {
      length += chunk.length;
      if (length > 1_000_000) below.end();
    });
    await ended;
    session.destroy();
    expect(length).toBeGreaterThan(1_000_000);
  },
);

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(100_000, 1);
}

test('what waits behind something that fails has its turn', () => {
  const expected = new ExpectedAnswers();
  const done: string[] = [];
  expected.carryOut([{ kind: 'later' }], () => done.push('answer'));
  expected.behind(() => {
    throw new Error('refused');
  });
  expected.behind(() => done.push('behind'));
  expect(() => expected.give([])).toThrow('refused');
  expected.behind(() => done.push('last'));
  expect(done).toEqual(['answer', 'behind', 'last']);
});

test('what is done in its turn goes before all that waits behind it', () => {
  const expected = new ExpectedAnswers();
  const done: string[] = [];
  expected.carryOut([{ kind: 'later' }], () => done.push('answer'));
  expected.behind(() => {
    done.push('write');
    expected.behind(() => done.push('its rest'));
  });
  expected.behind(() => done.push('close'));
  expected.give([]);
  expect(done).toEqual(['answer', 'write', 'its rest', 'close']);
});

test('a large write that OpenSSL protects lets others have their thread', async () => {
  const server = ktls.createServer({
    ...identities.server,
    ...{ handshakeThreads: 1, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
  });
  const port = await listenUntilEnd(server);
  const accept = async (): Promise<ktls.TLSSocket> => {
    const accepted = once(server, 'secureConnection');
    const client = owned(nodeTls.connect(where(port)).on('error', () => {}));
    await once(client, 'secureConnect');
    client.resume();
    return (await accepted)[0];
  };
  const [large, other] = [await accept(), await accept()];
  const order: string[] = [];
  const written = new Promise<void>((resolve) => {
    large.write(Buffer.alloc(16 << 20), () => {
      order.push('written');
      resolve();
    });
  });
  expect(other.getFinished()).toBeDefined();
  await accept();
  order.push('another handshake');
  await written;
  expect(order).toEqual(['another handshake', 'written']);
});

test('what fails in a worker, outside of its calls, is its own connection’s trouble', () => {
  const reports: unknown[] = [];
  const context = ktls.createSecureContext(identities.server) as never;
  const setup = { isServer: true, certificate: 'ignored', handsOutKeys: true } as const;
  const handshake = new WorkerHandshake(1, { number: 1, context }, setup, (report) => void reports.push(report));
  let onReady = (_status: number, _events: number): void => {};
  class SocketPoll {
    constructor(_descriptor: number, ready: typeof onReady) {
      onReady = ready;
    }
    start(): void {}
    stop(): void {}
    receive = (): number => 0;
    close(): void {}
  }
  const calls = { SocketPoll, send: () => 0 } as unknown as KernelCalls;
  handshake.carry({ number: 3, readsExactly: false, calls, before() {} });
  handshake.call({ kind: 'resume', id: 1 });
  vi.spyOn(handshake.control, 'serverName', 'get').mockImplementation(() => {
    throw new InstanceLost('has trapped');
  });
  expect(() => onReady(0, PollEvent.readable)).not.toThrow();
  expect(reports).toContainEqual(expect.objectContaining({ kind: 'lost' }));
  handshake.dispose();
});
