import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { duplexPair, PassThrough } from 'node:stream';
import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, owned, readLength } from './scenario.ts';
import { codeOf, dial, listening, node, open, type Pair, pairs, same, versions } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** What packages look at: of a socket, of its handle, of what is below that. */
const at = (object: object, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner ? Reflect.get(Object(inner), name) : inner), object);

function call(object: object, path: string[], ...args: unknown[]): unknown {
  const method = at(object, ...path);
  if (typeof method !== 'function') throw new Error(`${path.join('.')} is no function`);
  return Reflect.apply(method, at(object, ...path.slice(0, -1)), args);
}

function nameAt(socket: tls.TLSSocket, of: 'getpeername' | 'getsockname'): unknown {
  const out = {};
  return [call(socket, ['_handle', of], out), out];
}

describe.each(pairs)('$name', (pair) => {
  it('_handle and ssl: one object from the making of a socket until it is destroyed, null from then on', async () => {
    const seen = await same(pair, async (by) => {
      const made = [by.client.secure(new PassThrough()), by.client.secure(new net.Socket())];
      const { client, accepted } = await open(by, identities);
      const all = [...made, client, accepted];
      const before = all.map((socket) => [typeof at(socket, '_handle'), at(socket, 'ssl') === at(socket, '_handle')]);
      for (const socket of [client, accepted]) {
        socket.on('error', () => {}).destroy();
        await closed(socket);
      }
      return [before, [client, accepted].map((socket) => [at(socket, '_handle'), at(socket, 'ssl')])];
    });
    expect(seen).toEqual([Array(4).fill(['object', true]), Array(2).fill([null, null])]);
  });

  describe.each(versions)('verifyError: %s', (maxVersion) => {
    it.each<[string, () => { server?: tls.TlsOptions; client?: tls.ConnectionOptions }]>([
      ['a trusted server', () => ({})],
      ['a stranger', () => ({ server: identities.stranger })],
      ['an expired certificate', () => ({ server: identities.expired })],
      ['a client without a certificate', () => ({ server: { requestCert: true } })],
      ['a trusted client', () => ({ server: { requestCert: true }, client: identities.client })],
      ['a client that is a stranger', () => ({ server: { requestCert: true }, client: identities.stranger })],
      ['a client that is not asked', () => ({ client: identities.client })],
    ])('%s', async (_, options) => {
      const seen = await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, {
          server: { maxVersion, ca: identities.authority.cert, rejectUnauthorized: false, ...options().server },
          client: { rejectUnauthorized: false, ...options().client },
        });
        return [client, accepted].map((socket) =>
          ['_handle', 'ssl'].map((name) => codeOf(call(socket, [name, 'verifyError']))),
        );
      });
      expect(seen[0]).toEqual(Array(2).fill(expect.toSatisfy((one) => one === null || typeof one === 'string')));
    });
  });

  it('getpeername, getsockname and reading', async () => {
    const told = async (by: Pair) => {
      const { client, accepted, port } = await open(by, identities);
      const { localPort } = client;
      return [client, accepted].map((socket) =>
        JSON.parse(
          JSON.stringify([
            nameAt(socket, 'getpeername'),
            nameAt(socket, 'getsockname'),
            at(socket, '_handle', 'reading'),
          ])
            .replaceAll(`${port}`, '1')
            .replaceAll(`${localPort}`, '2'),
        ),
      );
    };
    const [atClient] = await same(pair, told);
    expect(atClient).toMatchObject([[0, { address: '127.0.0.1', family: 'IPv4', port: 1 }], [0, { port: 2 }], true]);
  });

  it('fd and writeQueueSize', async () => {
    const seen = await same(pair, async (by) => {
      const { client, accepted } = await open(by, identities);
      const unconnected = [by.client.secure(new PassThrough()), by.client.secure(new net.Socket())];
      const before = [client, accepted].map((socket) => Number(at(socket, 'ssl', 'fd')) > 0);
      const [near, far] = duplexPair();
      const writer = owned(by.client.connect({ socket: near, servername: 'localhost', ca: identities.authority.cert }));
      owned(by.server.secure(far, { isServer: true, ...identities.server })).resume();
      await once(writer, 'secureConnect');
      const written = new Promise((resolve) =>
        writer.write('some bytes', () => resolve(at(writer, '_handle', 'writeQueueSize'))),
      );
      const waiting = Number(at(writer, '_handle', 'writeQueueSize')) > 0;
      return [before, unconnected.map((socket) => at(socket, '_handle', 'fd')), waiting, await written];
    });
    const isOpen = process.platform !== 'win32';
    expect(seen).toEqual([[isOpen, isOpen], [-1, -1], true, 0]);
  });

  it('getpeername of what is not connected', async () => {
    await same(pair, async (by) => {
      const socket = owned(by.client.connect({ host: '127.0.0.1', port: 1 })).on('error', () => {});
      return [nameAt(socket, 'getpeername'), at(socket, '_handle', '_parentWrap'), at(socket, '_parent')];
    });
  });

  it('_parent, and _parentWrap with its constructor', async () => {
    const seen = await same(pair, async (by) => {
      const { accepted } = await open(by, identities);
      const overStream = by.client.secure(new PassThrough());
      const unconnected = new net.Socket();
      const overSocket = by.client.secure(unconnected);
      return {
        accepted: at(accepted, '_handle', '_parentWrap') === at(accepted, '_parent'),
        raw: at(accepted, '_parent') instanceof net.Socket,
        address: at(accepted, '_parent', 'remoteAddress'),
        over: at(overStream, '_handle', '_parentWrap', 'constructor', 'name'),
        parent: at(overStream, '_parent'),
        unconnected: at(overSocket, '_handle', '_parentWrap', 'constructor', 'name'),
        same: at(overSocket, '_parent') === unconnected,
      };
    });
    expect(seen).toMatchObject({ accepted: true, raw: true, over: 'JSStreamSocket' });
    const classes = [node, pair.server].map((by) =>
      at(by.secure(new PassThrough()), '_handle', '_parentWrap', 'constructor'),
    );
    expect(classes[0]).toBe(classes[1]);
  });

  it('has no bytes of its own: node:http reads a socket of ours as a stream', async () => {
    await same(pair, async (by) => {
      const web = http.createServer((request, response) => response.end(request.url));
      const { server, port } = await listening(by.server, identities.server);
      server.on('secureConnection', (socket) => web.emit('connection', socket));
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = () => dial(by.client, port, identities);
      const answers: string[] = [];
      for (const path of ['/a', '/b', '/c']) {
        const [response] = await once(http.get({ path, agent }), 'response');
        response.setEncoding('utf8');
        answers.push((await response.toArray()).join(''));
      }
      agent.destroy();
      return answers;
    });
  });
});

describe('node:tls over a socket of ours', () => {
  it.each(pairs.filter(({ client }) => client !== node))('$name', async (pair) => {
    const inner = await listening(node, identities.server);
    inner.server.on('secureConnection', (socket) => socket.pipe(socket));
    const outer = await listening(pair.server, identities.server);
    outer.server.on('secureConnection', (socket) => {
      const onwards = owned(net.connect(inner.port, '127.0.0.1')).on('error', () => {});
      socket.pipe(onwards).pipe(socket);
    });
    const tunnel = dial(pair.client, outer.port, identities);
    await once(tunnel, 'secureConnect');
    const client = owned(tls.connect({ socket: tunnel, servername: 'localhost', ca: identities.authority.cert }));
    const sent = Buffer.alloc(200_000, 'in a tunnel ');
    const received = readLength(client, sent.length);
    client.write(sent);
    expect((await received).equals(sent)).toBe(true);
    expect(client.authorized).toBe(true);
  });
});
