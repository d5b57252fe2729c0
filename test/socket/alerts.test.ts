import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { tls12, tls13 } from '../kernel/cells.ts';
import { closePairs, ourClient, tcpPair, track } from '../kernel/pair.ts';
import { rawClient, rawContext } from '../kernel/raw-pair.ts';

afterEach(closePairs);

describe.each(['native', 'wasm'] as const)('on %s', (portableLayer) => {
  const own = { ktls: 'off', portableLayer } as const;

  test('a fault right behind the server’s Finished: who is trusted gets the end of the handshake, then the alert', async () => {
    const { client, peer } = await brokenBehindFinished({});
    const failed = once(client, 'error');
    const secure = once(client, 'secureConnect');
    peer.release();
    await secure;
    expect((await failed)[0]).toMatchObject({ code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' });
    await peer.ended;
    expect(peer.isSecure).toBe(true);
    expect(peer.alerts).toEqual([[2, 20]]);
  });

  test('who is not trusted gets nothing', async () => {
    const { client, peer } = await brokenBehindFinished({ ca: [] });
    const failed = once(client, 'error');
    peer.release();
    expect((await failed)[0]).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    await peer.ended;
    expect(peer.isSecure).toBe(false);
    expect(peer.alerts).toEqual([]);
  });

  /** The server's flight, and a broken record behind it, in one piece that waits. */
  async function brokenBehindFinished(
    options: Partial<ktls.ConnectOptions>,
  ): Promise<{ client: ktls.TLSSocket; peer: RawPeer }> {
    const [accepted, connected] = await tcpPair();
    const peer = new RawPeer(accepted, { isServer: true, secureContext: rawContext(tls13) });
    peer.hold();
    const client = ktls.connect(ourClient({ cell: tls13, clientOptions: { ...own, ...options } }, connected));
    track({ server: accepted, client });
    await expect.poll(() => peer.canSeal).toBe(true);
    const record = peer.seal(23, Buffer.from('data'));
    peer.sendBytes(record.with(record.length - 1, (record.at(-1) ?? 0) ^ 1));
    return { client, peer };
  }

  // OpenSSL counts warnings in a row, and its fifth is one too many: data that it has not seen are between them all the same.
  test('warnings with data between them are not in a row, and close_notify is none of them', async () => {
    const { server, peer } = await rawClient({ cell: tls12, serverOptions: own });
    const ended = once(server.resume(), 'end');
    for (let i = 0; i < 8; i++) {
      peer.send(21, Uint8Array.of(1, 90));
      peer.send(23, Buffer.from('data'));
    }
    peer.send(21, Uint8Array.of(1, 0));
    await ended;
    expect(server.closeNotifyReceived).toBe(true);
    expect(server.bytesRead).toBe(32);
  });

  test('a handshake message in records of a byte each is one message', async () => {
    const { server, peer } = await rawClient({ cell: tls13, serverOptions: own });
    const received = once(server, 'data');
    // KeyUpdates, which would have to be the last of their record: so each byte is.
    for (let i = 0; i < 40; i++) {
      peer.holdKeyUpdate((message) => {
        for (const byte of message) peer.send(22, Uint8Array.of(byte));
      });
    }
    peer.send(23, Buffer.from('still here'));
    expect(String((await received)[0])).toBe('still here');
  });

  describe.each([tls12, tls13])('keyUsageLimit, $version', (cell) => {
    test('is counted, and keys are changed or the connection ends', async () => {
      const limited = { ...own, ktls: { read: 'off', write: 'off', keyUsageLimit: 5 } } as const;
      const { server, peer } = await rawClient({ cell, serverOptions: limited });
      const failed = new Promise((resolve) => server.once('error', resolve));
      let written = 0;
      while (written < 30 && !(await new Promise((resolve) => server.write('x', resolve)))) written++;
      if (cell === tls12) {
        expect(await failed).toMatchObject({ code: 'ERR_KTLS_KEYS_USED_UP' });
        expect(written).toBeLessThanOrEqual(10);
        await peer.ended;
        expect(peer.alerts).toEqual([[2, 80]]);
        return;
      }
      await expect.poll(() => peer.received.length).toBe(30);
      const updates = (): number => peer.messages.filter((type) => type === 24).length;
      const before = updates();
      expect(before).toBeGreaterThanOrEqual(3);
      // Now it is the peer that is asked to change its own.
      for (let i = 0; i < 12; i++) peer.send(23, Buffer.from('x'));
      server.resume();
      await expect.poll(updates).toBeGreaterThan(before);
    });
  });
});
