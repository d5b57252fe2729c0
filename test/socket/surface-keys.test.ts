import { once } from 'node:events';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { bothSecure, dial, exchangeOf, listening, open, pairs, same, thrownBy, versions } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe.each(pairs)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    it('keylog: both ends tell the same lines, one each, ended', async () => {
      const { server, port } = await listening(pair.server, identities.server);
      const lines: { client: string[]; server: string[] } = { client: [], server: [] };
      const owners = new Set<unknown>();
      server.on('keylog', (line, socket) => {
        lines.server.push(line.toString());
        owners.add(socket);
      });
      const connecting = dial(pair.client, port, identities, { maxVersion });
      connecting.on('keylog', (line) => lines.client.push(line.toString()));
      const { accepted } = await bothSecure(server, connecting);
      expect(lines.client.toSorted()).toEqual(lines.server.toSorted());
      expect([...owners]).toEqual([accepted]);
      const labels = lines.client.map((line) => /^([A-Z0-9_]+) [0-9a-f]{64} [0-9a-f]{64,96}\n$/.exec(line)?.[1]);
      expect(labels.toSorted()).toEqual(
        maxVersion === 'TLSv1.2'
          ? ['CLIENT_RANDOM']
          : [
              'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
              'CLIENT_TRAFFIC_SECRET_0',
              'EXPORTER_SECRET',
              'SERVER_HANDSHAKE_TRAFFIC_SECRET',
              'SERVER_TRAFFIC_SECRET_0',
            ],
      );
    });

    it('exportKeyingMaterial: equal at both ends, different for each label, context and length', async () => {
      const { client, accepted } = await open(pair, identities, { client: { maxVersion } });
      const exported = (socket: tls.TLSSocket): string[] =>
        [
          socket.exportKeyingMaterial(32, 'EXPERIMENTAL one', Buffer.from('context')),
          socket.exportKeyingMaterial(32, 'EXPERIMENTAL two', Buffer.from('context')),
          socket.exportKeyingMaterial(32, 'EXPERIMENTAL one', Buffer.from('other')),
          socket.exportKeyingMaterial(32, 'EXPERIMENTAL one', Buffer.alloc(0)),
          socket.exportKeyingMaterial(128, 'EXPERIMENTAL one', Buffer.from('context')),
        ].map((material) => material.toString('hex'));
      expect(exported(client)).toEqual(exported(accepted));
      expect(new Set(exported(client)).size).toBe(5);
      expect(exported(client).map((text) => text.length / 2)).toEqual([32, 32, 32, 32, 128]);
    });

    it('exportKeyingMaterial without a context, and what it refuses', async () => {
      await same(pair, async ({ client: by, server }) => {
        const { port, ...listener } = await listening(server, identities.server);
        const client = dial(by, port, identities, { maxVersion });
        const call = (...args: unknown[]): unknown =>
          thrownBy(() => Reflect.apply(client.exportKeyingMaterial, client, args));
        const early = [call(32, 'label')];
        const { accepted } = await bothSecure(listener.server, client);
        const [here, there] = [client, accepted].map((socket) =>
          Reflect.apply(socket.exportKeyingMaterial, socket, [32, 'label']),
        );
        const refused = [call(0, 'label'), call('32', 'label'), call(32, 7), call(32, 'label', 'text'), call(1.5, 'l')];
        return { early, equal: here.equals(there), refused };
      });
    });

    it('getFinished is the other end’s getPeerFinished', async () => {
      const { client, accepted } = await open(pair, identities, { client: { maxVersion } });
      const messages = [
        client.getFinished(),
        accepted.getFinished(),
        client.getPeerFinished(),
        accepted.getPeerFinished(),
      ];
      const [mine, theirs, received, receivedThere] = messages.map((message) => message?.toString('hex'));
      expect(mine).toMatch(/^[0-9a-f]{24,96}$/);
      expect(mine).not.toBe(theirs);
      expect(receivedThere).toBe(mine);
      expect(received).toBe(theirs);
    });

    it('what was negotiated, before, while and after', async () => {
      await same(pair, async ({ client: by, server }) => {
        const { port, ...listener } = await listening(server, identities.server);
        const client = dial(by, port, identities, { maxVersion });
        const before = negotiated(client);
        const { accepted } = await bothSecure(listener.server, client);
        const open = [negotiated(client), negotiated(accepted)];
        client.destroy();
        await once(client, 'close');
        return { before, open, after: negotiated(client) };
      });
    });

    it.each([
      ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256'],
      ['ECDHE-ECDSA-CHACHA20-POLY1305', 'TLS_CHACHA20_POLY1305_SHA256'],
      ['ECDHE-ECDSA-AES256-SHA384', 'TLS_AES_128_CCM_SHA256'],
    ])('getCipher of %s, %s', async (old, recent) => {
      const seen = await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, {
          client: { maxVersion, ciphers: `${old}:${recent}` },
          server: { ciphers: `${old}:${recent}` },
        });
        return [client.getCipher(), accepted.getCipher()];
      });
      expect(seen[0]).toMatchObject({ name: maxVersion === 'TLSv1.2' ? old : recent });
      expect(seen[0]).toEqual(seen[1]);
    });
  });

  it('keylog: a listener that comes during the handshake hears of what is left', async () => {
    const { server, port } = await listening(pair.server, identities.server);
    const client = dial(pair.client, port, identities);
    const lines: string[] = [];
    client.once('connect', () => client.on('keylog', (line) => lines.push(line.toString())));
    await bothSecure(server, client);
    expect(lines).toHaveLength(5);
  });

  it.each(['P-256', 'X25519', 'P-521'])('getEphemeralKeyInfo of %s', async (ecdhCurve) => {
    await same(pair, async (by) => {
      const ends = await open(by, identities, { client: { ecdhCurve, maxVersion: 'TLSv1.2' }, server: identities.rsa });
      return [exchangeOf(ends.client), exchangeOf(ends.accepted)];
    });
  });
});

describe.each(pairs.filter(({ client, server }) => client === server))('$name', (pair) => {
  it('agrees on X25519MLKEM768 by default', async () => {
    const { client, accepted } = await open(pair, identities);
    for (const socket of [client, accepted]) {
      const getGroup: unknown = Reflect.get(socket, 'getGroup');
      if (typeof getGroup !== 'function') throw new Error('no getGroup');
      expect(Reflect.apply(getGroup, socket, [])).toBe('X25519MLKEM768');
    }
  });
});

function negotiated(socket: tls.TLSSocket): unknown {
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    // Asked before the handshake, Node.js 24 crashes.
    key: socket.getFinished() && exchangeOf(socket),
    // OpenSSL in WebAssembly is built without DSA and ML-DSA.
    sigalgs: socket.getSharedSigalgs()?.filter((name) => !/^DSA|^id-ml-dsa/.test(name)),
    reused: socket.isSessionReused(),
    peer: [typeof socket.getPeerCertificate(), typeof socket.getPeerX509Certificate()],
    finished: [socket.getFinished()?.length, socket.getPeerFinished()?.length],
    session: [typeof socket.getSession(), typeof socket.getTLSTicket()],
  };
}
