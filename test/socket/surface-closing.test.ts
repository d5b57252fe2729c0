import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, owned, record } from './scenario.ts';
import { bothSecure, codeOf, dial, listening, node, open, pairs, same } from './surface.ts';

/** What writes are told of a connection that ends, and what is left to be asked of it. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

describe.each(pairs.filter(({ client }) => client !== node))('$name', (pair) => {
  it('a write before a connection that is refused', async () => {
    const port = await closedPort();
    const seen = await same(pair, async (by) => {
      const client = dial(by.client, port, identities);
      const told: unknown[] = [];
      client.on('error', (error) => told.push(codeOf(error)));
      const written = new Promise((resolve) => client.write('x', resolve));
      told.push(codeOf(await written));
      return told;
    });
    expect(seen).toEqual(['ECONNREFUSED', 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION']);
  });

  // Windows' sockets take as much as they are given.
  unless(process.platform === 'win32' && 'not on Windows', it)('writes that destroy() cancels', async () => {
    const seen = await same(pair, async (by) => {
      const { client } = await open(by, identities);
      const big = Buffer.alloc(20_000_000);
      const told = [1, 2].map(() => new Promise((resolve) => client.write(big, resolve)));
      client.destroy();
      return (await Promise.all(told)).map(codeOf);
    });
    expect(seen).toEqual(['ECANCELED', 'ECANCELED']);
  });

  it('a write that a handshake’s failure overtakes: the error first, whatever the callback throws', async () => {
    const { port } = await listening(pair.server, identities.server);
    const client = dial(pair.client, port, identities, { ca: [] });
    const told: unknown[] = [];
    const thrown = new Promise<unknown>((resolve) => {
      const [before] = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException').once('uncaughtException', (error) => {
        if (before) process.on('uncaughtException', before);
        resolve(error);
      });
    });
    client.on('error', (error) => told.push(codeOf(error)));
    client.write('x', () => {
      told.push('written');
      throw new Error('of a callback');
    });
    expect(codeOf(await thrown)).toBe('of a callback');
    await closed(client);
    expect(told).toEqual(['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'written']);
    expect(codeOf(client.errored)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it.each([false, true])('a handshake that fails, with an early write: %s', async (early) => {
    const seen = await same(pair, async (by) => {
      const told: unknown[] = [];
      const { port } = await listening(by.server, { ...identities.server, minVersion: 'TLSv1.3' });
      const client = dial(by.client, port, identities, { maxVersion: 'TLSv1.2' });
      const ends = [new Promise((resolve) => client.once('error', resolve))];
      if (early) ends.push(new Promise((resolve) => client.write('x', resolve)));
      for (const error of await Promise.all(ends)) {
        if (!(error instanceof Error)) throw new Error('no error');
        told.push(codeOf(error), Reflect.get(error, 'errno'), Reflect.get(error, 'syscall'));
        told.push(
          /tlsv1 alert protocol version.*SSL alert number 70/s.test(error.message),
          /^write EPROTO/.test(error.message),
        );
      }
      return told;
    });
    expect(seen[0]).toBe(early ? 'EPROTO' : 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('what is left to be asked', async () => {
    await same(pair, async (by) => {
      const { client, accepted } = await open(by, identities);
      const before = [client.bufferSize, client.writableLength, client.pending];
      record(client.resume());
      accepted.end();
      await closed(client);
      const { bufferSize, writableLength, readableLength, pending, readyState, connecting, localAddress } = client;
      return [before, bufferSize, writableLength, readableLength, pending, readyState, connecting, localAddress];
    });
  });

  it('setMaxSendFragment: before, during and with what is no size', async () => {
    const numbers = [2 ** 31, 2 ** 31 - 1, -(2 ** 31) - 1, -1, 0, 511, 512, 16384, 16385, 1.5];
    const seen = await same(pair, async (by) => {
      const asked = (socket: { setMaxSendFragment(size: number): boolean }): unknown[] =>
        numbers.map((size) => {
          try {
            return socket.setMaxSendFragment(size);
          } catch (error) {
            return codeOf(error);
          }
        });
      const { client } = await open(by, identities);
      return [asked(owned(by.client.secure(new net.Socket()))), asked(client)];
    });
    const answers = ['ERR_OUT_OF_RANGE', false, 'ERR_OUT_OF_RANGE', false, false, false, true, true, false];
    expect(seen[0]).toEqual([...answers, 'ERR_OUT_OF_RANGE']);
  });

  it('setMaxSendFragment before the handshake counts', async () => {
    const { server, port } = await listening(node, identities.server);
    const client = dial(pair.client, port, identities);
    expect(client.setMaxSendFragment(512)).toBe(true);
    const { accepted } = await bothSecure(server, client);
    const lengths: number[] = [];
    const all = new Promise<void>((resolve) => {
      accepted.on('data', (data: Buffer) => {
        lengths.push(data.length);
        if (lengths.reduce((sum, length) => sum + length) === 4096) resolve();
      });
    });
    client.write(Buffer.alloc(4096));
    await all;
    // A record is what node:tls hands out at a time.
    expect(Math.max(...lengths)).toBe(512);
  });
});
