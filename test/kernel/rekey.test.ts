import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { TLSSocket } from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { unless } from '../helpers/unless.ts';
import { cells, kernelOnly, rekeys, tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { clientPair, closePairs, ourPair, serverPair } from './pair.ts';
import { rawClient, rawServer } from './raw-pair.ts';
import { idle, settled, since } from './tls-stat.ts';
import { feed, hashOf, makePayload, sha256 } from './traffic.ts';

beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterEach(closePairs);

const payload = makePayload(6_000_000);

/** Writes everything, and changes keys `updates` times on the way. */
async function feedAndUpdate(socket: TLSSocket, updates: number): Promise<void> {
  const piece = Math.ceil(payload.length / (updates + 1));
  for (let at = 0, i = 0; at < payload.length; at += piece, i++) {
    if (i > 0) socket.updateKeys({ requestPeer: i % 10 === 0 });
    await feed(socket, payload.subarray(at, at + piece));
  }
}

unless(!rekeys && 'this kernel cannot change keys', describe)('changing keys in the kernel', () => {
  test.each(cells.filter(({ version }) => version === 'TLSv1.3'))(
    '100 times from each side, both ways under full load: $aead',
    async (cell) => {
      const before = await idle();
      const { server, client } = await ourPair({ cell });
      const received = Promise.all([hashOf(server, payload.length), hashOf(client, payload.length)]);
      await Promise.all([feedAndUpdate(server, 100), feedAndUpdate(client, 100)]);
      expect(await received).toEqual([sha256(payload), sha256(payload)]);
      // The last answers may still be on their way.
      server.resume();
      client.resume();
      const open = (): number => (since(before).TlsTxRekeyOk ?? 0) - (since(before).TlsRxRekeyOk ?? 0);
      await expect.poll(open).toBe(0);
      const changes = since(before);
      // Each side also answers the requests of the other, several with one answer where they come fast.
      expect(changes.TlsTxRekeyOk).toBeGreaterThanOrEqual(200);
      expect([changes.TlsTxRekeyError, changes.TlsRxRekeyError, changes.TlsDecryptError]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );

  test('node:tls answers a request, as client and as server', async () => {
    const first = await serverPair({ cell: tls13 });
    const second = await clientPair({ cell: tls13 });
    for (const [socket, peer] of [
      [first.server, first.client],
      [second.client, second.server],
    ] as const) {
      const before = since({});
      socket.updateKeys({ requestPeer: true });
      socket.write('from new keys');
      expect(String((await once(peer, 'data'))[0])).toBe('from new keys');
      peer.write('and back');
      expect(String((await once(socket, 'data'))[0])).toBe('and back');
      expect(since(before)).toEqual({ TlsTxRekeyOk: 1, TlsRxRekeyOk: 1, TlsRxRekeyReceived: 1 });
    }
  });

  test('a KeyUpdate right behind data in one segment does not stop what follows', async () => {
    const { server, peer } = await rawClient({ cell: tls13 });
    const received = hashOf(server, 3 * 20_000);
    for (let i = 0; i < 3; i++) {
      peer.hold();
      peer.send(23, payload.subarray(i * 20_000, i * 20_000 + 10_000));
      peer.updateKeys();
      peer.send(23, payload.subarray(i * 20_000 + 10_000, (i + 1) * 20_000));
      peer.release();
    }
    expect(await received).toBe(sha256(payload.subarray(0, 60_000)));
  });

  test('a KeyUpdate behind as much data as is read at once does not stop what follows', async () => {
    // Room for all of it, so that it has arrived when reading begins.
    for (const name of ['tcp_rmem', 'tcp_wmem']) {
      const file = `/proc/sys/net/ipv4/${name}`;
      const before = readFileSync(file, 'utf8');
      onTestFinished(() => writeFileSync(file, before));
      writeFileSync(file, '4096 4194304 6291456');
    }
    const { server, peer } = await rawClient({ cell: tls13 });
    const received = hashOf(server, 250_002);
    peer.hold();
    // The kernel opens the KeyUpdate along with the data in front of it, and is then readable to nobody until it is asked again.
    for (let at = 0; at < 250_000; at += 10_000) peer.send(23, payload.subarray(at, at + 10_000));
    peer.updateKeys();
    peer.send(23, payload.subarray(250_000, 250_002));
    peer.release();
    expect(await received).toBe(sha256(payload.subarray(0, 250_002)));
  });
});

unless(!rekeys && 'this kernel cannot change keys', describe).each(layers)('key use on $layer', ({ layer, ktls }) => {
  const limited = { ...(typeof ktls === 'object' ? ktls : { read: ktls, write: ktls }), keyUsageLimit: 20 };

  test('keys are changed when a limit is reached, in both directions', async () => {
    const { server, peer } = await rawClient({ cell: tls13, ...on(limited) });
    for (let i = 0; i < 100; i++) await new Promise((resolve) => server.write(payload.subarray(0, 16_384), resolve));
    await expect.poll(() => peer.received.length).toBe(100 * 16_384);
    expect(peer.messages.filter((type) => type === 24).length).toBeGreaterThanOrEqual(4);
    const received = hashOf(server, 60 * 100);
    const asked = peer.control.length;
    for (let i = 0; i < 60; i++) {
      peer.send(23, payload.subarray(i * 100, (i + 1) * 100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await received).toBe(sha256(payload.subarray(0, 6000)));
    await expect
      .poll(() => peer.control.slice(asked).map(({ fragment }) => [...fragment]))
      .toContainEqual([24, 0, 0, 1, 1]);
    expect(server.recordLayer).toMatchObject({ read: layer, write: layer });
  });

  test('TLS 1.2 ends with a clear error', async () => {
    const { server, client } = await ourPair({ cell: tls12, ...on(limited) });
    client.resume().on('error', () => {});
    const failed = once(server, 'error');
    const result = await writeUntilError(server);
    expect(result).toBeInstanceOf(Error);
    expect((await failed)[0]).toMatchObject({ code: 'ERR_KTLS_KEYS_USED_UP' });
  });
});

/** Writes 30 records one by one, and answers what the first write said that failed. */
async function writeUntilError(socket: TLSSocket): Promise<Error | null | undefined> {
  for (let i = 0; i < 30; i++) {
    const written = await new Promise<Error | null | undefined>((resolve) => {
      socket.write(payload.subarray(0, 16_384), resolve);
    });
    if (written) return written;
  }
  return undefined;
}

unless(rekeys && 'this kernel can change keys', describe)('a kernel that cannot change keys', () => {
  test("'prefer' leaves TLS 1.3 to user space, and takes TLS 1.2", async () => {
    const { server } = await serverPair({ cell: tls13, ...on('prefer') });
    expect(server.recordLayer).toMatchObject({ read: 'native', write: 'native' });
    expect(server.recordLayer.reason.read).toMatch(/cannot change the keys .* withoutRekey/);
    expect((await serverPair({ cell: tls12, ...on('prefer') })).server.recordLayer).toMatchObject({
      read: 'kernel',
      write: 'kernel',
    });
  });

  test("'require' without withoutRekey fails and says why", async () => {
    await expect(serverPair({ cell: tls13, ...on('require') })).rejects.toMatchObject({
      code: 'ERR_KTLS_REQUIRED',
      message: expect.stringMatching(/cannot change the keys/),
    });
  });

  test('withoutRekey: a KeyUpdate ends the connection after all that came before it', async () => {
    const { server, peer } = await rawClient({ cell: tls13 });
    const failed = once(server, 'error');
    const data: Buffer[] = [];
    server.on('data', (chunk: Buffer) => data.push(chunk));
    peer.hold();
    for (let at = 0; at < 300_000; at += 10_000) peer.send(23, payload.subarray(at, at + 10_000));
    peer.updateKeys(true);
    peer.release();
    expect((await failed)[0]).toMatchObject({ code: 'ERR_KTLS_REKEY_UNSUPPORTED' });
    expect(sha256(Buffer.concat(data))).toBe(sha256(payload.subarray(0, 300_000)));
    await peer.ended;
    // internal_error under the old keys, and no KeyUpdate that says otherwise in front of it.
    expect(peer.alerts).toEqual([[2, 80]]);
    expect(peer.messages).not.toContain(24);
  });

  test('withoutRekey: updateKeys() throws and the connection goes on', async () => {
    const { client, peer } = await rawServer({ cell: tls13 });
    expect(() => client.updateKeys()).toThrow(expect.objectContaining({ code: 'ERR_KTLS_REKEY_UNSUPPORTED' }));
    client.write('still here');
    await expect.poll(() => String(peer.received)).toBe('still here');
  });

  test('withoutRekey: keys that are used up end the connection', async () => {
    const limited = { ...(typeof kernelOnly === 'object' ? kernelOnly : {}), keyUsageLimit: 20 };
    const { server, peer } = await rawClient({ cell: tls13, ...on(limited) });
    const failed = once(server, 'error');
    expect(await writeUntilError(server)).toBeInstanceOf(Error);
    expect((await failed)[0]).toMatchObject({ code: 'ERR_KTLS_REKEY_UNSUPPORTED' });
    await peer.ended;
    expect(peer.alerts).toEqual([[2, 80]]);
  });
});

test('nothing stays under TLS', async () => {
  await settled(await idle());
});
