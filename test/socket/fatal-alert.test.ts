import { once } from 'node:events';
import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { ours } from './implementations.ts';
import { owned, serve, servePlain } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** A TCP connection that stays open until its peer has closed: what was received until then. */
async function receivedUntilClosed(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  return Buffer.concat(chunks);
}

function openRaw(port: number): net.Socket {
  return owned(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
}

/** RFC 8446 §6: a fatal alert is the end of the connection. node:tls leaves TCP open behind some. */
describe.each(ours)('behind a fatal alert TCP is closed, with the layer $name', (implementation) => {
  it('that a server sends to what is no handshake', async () => {
    const { port } = await serve(implementation, identities.server);
    const raw = openRaw(port);
    raw.write(Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]));
    const received = await receivedUntilClosed(raw);
    expect([...received.subarray(0, 6)]).toEqual([21, 3, expect.any(Number), 0, 2, 2]);
  });

  it('that a client receives', async () => {
    const closed = new Promise<Buffer>((resolve) => {
      servePlain((socket) => {
        socket.allowHalfOpen = true;
        // handshake_failure
        socket.write(Buffer.from([21, 3, 3, 0, 2, 2, 40]));
        resolve(receivedUntilClosed(socket));
      }).then((port) => {
        const client = owned(implementation.connect({ port, host: '127.0.0.1', ca: identities.authority.cert }));
        client.on('error', () => {});
      });
    });
    expect((await closed)[0]).toBe(22);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('that a server sends to a forged record (%s)', async (version) => {
    const limits = { minVersion: version, maxVersion: version } as const;
    const told: string[] = [];
    const { port } = await serve(implementation, { ...identities.server, ...limits }, (socket) => {
      socket.resume().on('error', (error) => told.push('code' in error ? String(error.code) : error.message));
    });
    const raw = openRaw(port);
    const client = owned(
      ktls.connect({ ...limits, socket: raw, servername: 'localhost', ca: identities.authority.cert }),
    );
    client.on('error', () => {});
    await once(client, 'secureConnect');
    raw.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64)]));
    await receivedUntilClosed(raw);
    // OpenSSL, in node:tls too, has the second name for it where AES-GCM of TLS 1.2 fails.
    expect(told).toEqual([
      expect.stringMatching(/^ERR_SSL_(DECRYPTION_FAILED_OR_BAD_RECORD_MAC|CIPHER_OPERATION_FAILED)$/),
    ]);
  });
});
