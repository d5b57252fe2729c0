import { once } from 'node:events';
import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { pattern } from '../helpers/pattern.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { type ClientOptions, type Implementation, nodeTls, ours, type TlsSocket } from './implementations.ts';
import { closed, type Events, owned, readAll, record, serve, servePlain } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

type Versions = Pick<ClientOptions, 'maxVersion'>;

describe.each(ours)('$name', (implementation) => {
  describe.each<Versions>([{ maxVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.3' }])('$maxVersion', (version) => {
    /** Both sides are of one implementation. */
    async function pair(
      by: Implementation,
      onConnection: (socket: TlsSocket) => void = () => {},
      options: Pick<ClientOptions, 'allowHalfOpen'> = {},
    ): Promise<{ client: TlsSocket; connection: Promise<TlsSocket>; server: net.Server; port: number }> {
      const { server, port } = await serve(by, { ...identities.server, ...options }, onConnection);
      const connection = once(server, 'secureConnection').then(([socket]) => socket);
      const client = by.connect({ ...local(port), ...version, ...options });
      return { client: owned(client), connection, server, port };
    }

    const local = (port: number): ClientOptions => ({
      ...{ host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert },
    });

    /** The same events at our client and at node:tls's. */
    async function same(live: (by: Implementation) => Promise<unknown>): Promise<void> {
      const expected = await live(nodeTls);
      expect(await live(implementation)).toEqual(expected);
    }

    it('end() by the client ends both sides', async () => {
      await same(async (by) => {
        const atServer: Events[] = [];
        const { client, connection } = await pair(by, (socket) => {
          atServer.push(record(socket.resume()));
        });
        const events = record(client.resume());
        client.once('secureConnect', () => client.end('bye'));
        await Promise.all([closed(client), connection.then(closed)]);
        return { events, atServer };
      });
    });

    it('end() by the server ends both sides', async () => {
      await same(async (by) => {
        const { client, connection } = await pair(by, (socket) => socket.end('bye'));
        const events = record(client);
        const data = await readAll(client);
        await Promise.all([closed(client), connection.then((socket) => closed(socket.resume()))]);
        return { events, data: data.toString() };
      });
    });

    it('destroy() in every state', async () => {
      const states: readonly ((client: TlsSocket, end: () => void) => void)[] = [
        (_, end) => end(),
        (_, end) => process.nextTick(end),
        (client, end) => client.once('connect', end),
        (client, end) => client.once('secureConnect', end),
        (client, end) => client.once('data', end),
        (client, end) => client.once('end', end),
      ];
      for (const reach of states) {
        for (const error of [undefined, new Error('mine')]) {
          await same(async (by) => {
            const { client } = await pair(by, (socket) => socket.end('data'));
            const events = record(client.resume());
            reach(client, () => client.destroy(error));
            await closed(client);
            return { events, destroyed: client.destroyed, errored: client.errored };
          });
        }
      }
    });

    it('a write that destroy() overtakes fails', async () => {
      await same(async (by) => {
        const { client } = await pair(by);
        const failure = new Promise<unknown>((resolve) => client.write('never sent', resolve));
        client.destroy();
        const error = await failure;
        return error instanceof Error && 'code' in error && error.code;
      });
    });

    it('writes and end() before secureConnect arrive', async () => {
      await same(async (by) => {
        const { client, connection } = await pair(by);
        const events = record(client.resume());
        client.write('one ');
        client.write('two ');
        client.end('three');
        const received = await readAll(await connection);
        await closed(client);
        return { events, received: received.toString() };
      });
    });

    it('half-close: the other half goes on', async () => {
      const { client, connection } = await pair(implementation, undefined, { allowHalfOpen: true });
      client.end('request');
      const server = await connection;
      expect((await readAll(server)).toString()).toBe('request');
      expect(server.writable).toBe(true);
      server.end('response');
      expect((await readAll(client)).toString()).toBe('response');
      await Promise.all([closed(client), closed(server)]);
    });

    it('data goes both ways at once, in the order in which it was written', async () => {
      const [there, back] = [Buffer.from(pattern(300_000, 1)), Buffer.from(pattern(300_000, 2))];
      const { client, connection } = await pair(implementation);
      const send = (socket: TlsSocket, data: Buffer): void => {
        for (let at = 0, step = 1; at < data.length; at += step, step = (step * 3) % 20_011) {
          socket.write(data.subarray(at, at + step));
        }
        socket.end();
      };
      send(client, there);
      const server = await connection;
      send(server, back);
      const [received, answered] = await Promise.all([readAll(server), readAll(client)]);
      expect(received.equals(there)).toBe(true);
      expect(answered.equals(back)).toBe(true);
      expect([client.bytesWritten, client.bytesRead]).toEqual([there.length, back.length]);
    });

    it('a reader that does not read bounds what is in memory', { timeout: 60_000 }, async () => {
      const { client, connection } = await pair(implementation);
      const [server] = await Promise.all([connection, once(client, 'secureConnect')]);
      client.pause();
      let total = 32 * 1024 * 1024;
      const piece = Buffer.alloc(64 * 1024, 'x');
      let written = 0;
      const more = (): void => {
        while (written < total) {
          written += piece.length;
          if (!server.write(piece)) return void server.once('drain', more);
        }
      };
      more();
      await standstill(() => written);
      expect(written).toBeLessThan(total / 2);
      expect(client.readableLength).toBeLessThan(1024 * 1024);
      expect(server.writableLength).toBeLessThan(1024 * 1024);

      // It goes on where it stood still.
      total = written + 1024 * 1024;
      let received = 0;
      client.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received === total) client.end();
      });
      client.resume();
      await closed(client);
      expect(received).toBe(total);
    });

    it('an idle socket times out, a busy one does not', { timeout: 15_000 }, async () => {
      await same(async (by) => {
        const { client, connection } = await pair(by);
        const events = record(client.resume());
        const [server] = await Promise.all([connection, once(client, 'secureConnect')]);
        let sent = 0;
        const timer = setInterval(() => {
          if (++sent === 12) clearInterval(timer);
          server.write('x');
        }, 50);
        client.setTimeout(500);
        await once(client, 'timeout');
        expect(sent).toBe(12);
        client.destroy();
        await closed(client);
        return events;
      });
    });

    it('a reset by the peer is ECONNRESET', async () => {
      await same(async (by) => {
        const { client, server } = await pair(by, (socket) => socket.write('the last there is'));
        const raw = once(server, 'connection').then(([socket]): net.Socket => socket);
        const events = record(client);
        // libuv before 1.52 (Node.js 22) takes a reset behind bytes that are not read yet for an end.
        await once(client, 'data');
        (await raw).resetAndDestroy();
        await closed(client);
        return events;
      });
    });

    it('the end of the stream without close_notify ends reading, as with node:tls', async () => {
      await same(async (by) => {
        const { port } = await pair(by, (socket) => socket.write('all there is'));
        const relay = await servePlain((front) => {
          const back = owned(net.connect(port, '127.0.0.1')).on('error', () => {});
          front.pipe(back);
          back.on('data', (chunk: Buffer) => front.write(chunk));
          front.once('close', () => back.destroy());
          relayed = front;
        });
        const client = owned(by.connect({ ...local(relay), ...version }));
        const events = record(client);
        const [data] = await once(client, 'data');
        relayed?.end();
        await closed(client);
        return { events, data: data.toString() };
      });
    });

    it('properties of an open connection', async () => {
      await same(async (by) => {
        const { client, connection, port } = await pair(by);
        await once(client, 'secureConnect');
        const server = await connection;
        const facts = (socket: TlsSocket): unknown[] => [
          ...[
            socket.encrypted,
            socket.authorized,
            socket.authorizationError,
            socket.alpnProtocol,
            socket.getProtocol(),
          ],
          ...[socket.remoteAddress, socket.remoteFamily, socket.localAddress, socket.bytesWritten, socket.connecting],
          ...[socket.pending, socket.readyState, socket.isSessionReused(), socket instanceof net.Socket],
        ];
        expect([client.remotePort, server.localPort]).toEqual([port, port]);
        expect(client.localPort).toBe(server.remotePort);
        expect(client.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
        return { client: facts(client), server: facts(server) };
      });
    });

    it('sessions are resumed', async () => {
      const { client, port } = await pair(implementation, (socket) => socket.write('x'));
      const [[session]] = await Promise.all([once(client, 'session'), once(client, 'data')]);
      const again = owned(implementation.connect({ ...local(port), ...version, session }));
      await once(again, 'secureConnect');
      expect(client.isSessionReused()).toBe(false);
      expect(again.isSessionReused()).toBe(true);
      expect(again.authorized).toBe(true);
    });
  });
});

let relayed: net.Socket | undefined;

/** Resolves when a number has not changed for 100 ms. */
function standstill(progress: () => number): Promise<void> {
  return new Promise((resolve) => {
    const watch = (seen: number, quiet: number): void => {
      if (quiet === 20) resolve();
      else setTimeout(() => watch(progress(), progress() === seen ? quiet + 1 : 0), 5);
    };
    watch(-1, 0);
  });
}
