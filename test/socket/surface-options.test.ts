import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { pattern } from '../helpers/pattern.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, owned, servePlain } from './scenario.ts';
import {
  bothSecure,
  codeOf,
  dial,
  type Library,
  listening,
  node,
  open,
  pairs,
  same,
  thrownBy,
  versions,
} from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** A record with a handshake message that there is none of. */
const noHandshake = Uint8Array.of(22, 3, 3, 0, 4, 99, 0, 0, 0);

const data = Buffer.from(pattern(100_000, 3));

/** What `onread` gets of what the server sends, with what was asked of it. */
async function readInto(by: Library, port: number, options: { size: number; fresh: boolean; pausing: boolean }) {
  const { size, fresh, pausing } = options;
  const buffers = new Set<Uint8Array>();
  const make = (): Uint8Array => {
    const buffer = Buffer.alloc(size);
    buffers.add(buffer);
    return buffer;
  };
  const chunks: Buffer[] = [];
  const sizes: number[] = [];
  let own = true;
  let pauses = 0;
  let emitted = 0;
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    chunks.push(Buffer.from(buffer.subarray(0, bytes)));
    sizes.push(bytes);
    own &&= buffers.has(buffer);
    if (!pausing || chunks.length % 5 > 0) return true;
    pauses++;
    setImmediate(() => client.resume());
    return false;
  };
  const onread = { buffer: fresh ? make : make(), callback };
  const client: tls.TLSSocket = dial(by, port, identities, { onread });
  client.on('data', () => emitted++);
  await once(client, 'end');
  return {
    whole: Buffer.concat(chunks).equals(data),
    tooLarge: sizes.some((bytes) => bytes > size),
    own,
    pauses,
    emitted,
    buffers,
  };
}

describe.each(pairs)('$name', (pair) => {
  describe.each([false, true])('onread, a buffer for each chunk: %s', (fresh) => {
    it.each([false, true])('pausing: %s', async (pausing) => {
      const { server, port } = await listening(pair.server, identities.server);
      server.on('secureConnection', (socket) => socket.end(data));
      const seen = await readInto(pair.client, port, { size: 1000, fresh, pausing });
      expect(seen).toMatchObject({ whole: true, tooLarge: false, own: true, emitted: 0 });
      expect(seen.pauses > 0).toBe(pausing);
      expect(seen.buffers.size > 1).toBe(fresh);
    });
  });

  describe('signal', () => {
    it('aborted before, with and without a reason', async () => {
      await same(pair, async (by) => {
        const { port } = await listening(by.server, identities.server);
        const seen: unknown[] = [];
        for (const signal of [AbortSignal.abort(), AbortSignal.abort(new Error('mine'))]) {
          const client = dial(by.client, port, identities, { signal });
          const [error] = await once(client, 'error');
          seen.push([error.name, error.code, error.cause instanceof Error && error.cause.message]);
        }
        return seen;
      });
    });

    it('aborted while connecting, in the handshake, and after it', async () => {
      await same(pair, async (by) => {
        const { port } = await listening(by.server, identities.server);
        const seen: unknown[] = [];
        for (const when of ['at once', 'connect', 'secureConnect']) {
          const controller = new AbortController();
          const client = dial(by.client, port, identities, { signal: controller.signal });
          if (when === 'at once') controller.abort();
          else client.once(when, () => controller.abort());
          const [error] = await once(client, 'error');
          seen.push([when, error.name, error.code]);
        }
        return seen;
      });
    });
  });

  it.each(versions)('%s: renegotiate is refused', async (maxVersion) => {
    const { client } = await open(pair, identities, { client: { maxVersion } });
    if (pair.client.name === 'node:tls') return;
    const refusal = await new Promise<unknown>((resolve) => expect(client.renegotiate({}, resolve)).toBe(false));
    expect(codeOf(refusal)).toBe(
      maxVersion === 'TLSv1.3' ? 'ERR_SSL_WRONG_SSL_VERSION' : 'ERR_TLS_RENEGOTIATION_DISABLED',
    );
    expect(client.destroyed).toBe(false);
  });

  it('TLS 1.3: renegotiate is refused with node’s error, and so are its arguments', async () => {
    await same(pair, async (by) => {
      const { client } = await open(by, identities);
      const refused = await new Promise<unknown>((resolve) => {
        const answer = client.renegotiate({}, (error) => resolve([answer, error]));
      });
      const [answer, error] = Array.isArray(refused) ? refused : [];
      const shape = error instanceof Error && ['code', 'library', 'reason'].map((name) => Reflect.get(error, name));
      const call = (...args: unknown[]): unknown => thrownBy(() => Reflect.apply(client.renegotiate, client, args));
      const thrown = [call(), call(null), call('text'), call({}, 'text'), call({ requestCert: true }, null)];
      client.destroy();
      await once(client, 'close');
      return { answer, shape, thrown, late: client.renegotiate({}, () => {}) };
    });
  });

  it('captureRejections: what a listener rejects with destroys its socket', async () => {
    await same(pair, async (by) => {
      const { server, port } = await capturing(() => listening(by.server, identities.server));
      const failed = new Promise((resolve) => {
        server.on('secureConnection', async (socket) => {
          socket.on('error', (error) => resolve([error.message, socket.destroyed]));
          throw new Error('rejected');
        });
      });
      await closed(dial(by.client, port, identities).resume());
      return await failed;
    });
  });
});

/** Emitters that `make` makes at once look after promises of their listeners. */
function capturing<T>(make: () => T): T {
  EventEmitter.captureRejections = true;
  try {
    return make();
  } finally {
    EventEmitter.captureRejections = false;
  }
}

describe.each(pairs.filter(({ client, server }) => client === server))('$name', ({ client: ours, server }) => {
  it('enableTrace, onread and signal: what is refused, as by node:tls', () => {
    for (const options of [{ enableTrace: 'yes' }, { enableTrace: 7 }, { signal: 'none' }, { signal: {} }]) {
      const refused = (by: Library): unknown =>
        thrownBy(() => Reflect.apply(by.connect, by, [{ port: 1, ...options }]));
      expect(refused(node)).toBeDefined();
      expect([options, refused(ours)]).toEqual([options, refused(node)]);
    }
    const serving = (by: Library): unknown =>
      thrownBy(() => Reflect.apply(by.createServer, by, [{ enableTrace: 'yes' }]));
    expect(serving(server)).toEqual(serving(node));
    expect(thrownBy(() => server.createServer({ enableTrace: false }))).toBeUndefined();
  });

  it.each(versions)('%s: after a fatal alert the server closes TCP', async (maxVersion) => {
    const { server: at, port } = await listening(server, { ...identities.server, maxVersion });
    at.on('tlsClientError', () => {});
    const raw = owned(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    raw.write(noHandshake);
    const received: Buffer[] = [];
    // The raw client does not close: the end comes from the server alone.
    for await (const chunk of raw) received.push(chunk);
    expect([...Buffer.concat(received)]).toEqual([21, 3, 3, 0, 2, 2, 10]);
  });

  it('after a fatal alert the client closes TCP', async () => {
    const ended = new Promise<number[]>((resolve) => {
      const serving = servePlain((socket) => {
        const received: Buffer[] = [];
        socket.once('end', () => resolve([...Buffer.concat(received).subarray(-7)]));
        socket.once('data', () => socket.write(noHandshake));
        socket.on('data', (chunk: Buffer) => received.push(chunk));
      });
      void serving.then((port) => dial(ours, port, identities).on('error', () => {}));
    });
    // No version was agreed on yet (RFC 5246 appendix E.1).
    expect(await ended).toEqual([21, 3, 1, 0, 2, 2, 10]);
  });

  it('a client that is refused during the handshake is gone from the server', async () => {
    const { server: at, port } = await listening(server, { ...identities.server, minVersion: 'TLSv1.3' });
    const below = once(at, 'connection');
    at.on('tlsClientError', () => {});
    dial(node, port, identities, { maxVersion: 'TLSv1.2' }).on('error', () => {});
    const [socket] = await below;
    if (!(socket instanceof net.Socket)) throw new Error('no socket');
    if (!socket.destroyed) await once(socket, 'close');
    expect(await bothSecure(at, dial(ours, port, identities))).toBeDefined();
  });
});
