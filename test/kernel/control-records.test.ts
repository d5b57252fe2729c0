import { once } from 'node:events';
import nodeTls from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { unless } from '../helpers/unless.ts';
import { rekeys, tls12, tls13 } from './cells.ts';
import { identity } from './identity.ts';
import { layers, on } from './layers.ts';
import { closePairs } from './pair.ts';
import { rawClient, rawServer } from './raw-pair.ts';

afterEach(closePairs);

describe.each(layers)('control records on $layer', ({ layer, ktls: option }) => {
  test.each([tls12, tls13])('a fatal alert is an error with its number: $version', async (cell) => {
    const { server, peer } = await rawClient({ cell, ...on(option) });
    const failed = once(server.resume(), 'error');
    peer.send(21, Uint8Array.of(2, 46));
    expect((await failed)[0]).toMatchObject({
      code: expect.stringMatching(/^ERR_SSL_.*CERTIFICATE_UNKNOWN$/),
      alert: 46,
    });
  });

  test('the session of a ticket resumes', async () => {
    const server = nodeTls.createServer({ ...identity, minVersion: 'TLSv1.3' }, (socket) => socket.end('hello'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const connect = async (session?: Buffer) => {
      const socket = ktls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: identity.cert,
        ktls: option,
        session,
      });
      const ticket = once(socket, 'session');
      const closed = once(socket, 'close');
      await once(socket, 'secureConnect');
      const reused = socket.isSessionReused();
      const bytes = reused ? undefined : (await ticket)[0];
      socket.resume();
      await closed;
      expect(socket.recordLayer).toMatchObject({ read: layer, write: layer });
      return { reused, session: bytes };
    };
    const { session, reused } = await connect();
    expect(reused).toBe(false);
    expect((await connect(session)).reused).toBe(true);
    server.close();
  });

  test('HelloRequest is refused with a warning, and the connection goes on', async () => {
    const { client, peer } = await rawServer({ cell: tls12, ...on(option) });
    peer.send(22, Uint8Array.of(0, 0, 0, 0));
    peer.send(23, Buffer.from('still here'));
    expect(String((await once(client, 'data'))[0])).toBe('still here');
    client.write('yes');
    await expect.poll(() => String(peer.received)).toBe('yes');
    expect(peer.alerts).toEqual([[1, 100]]);
  });

  test('a hello in the middle of a connection does not start another handshake', async () => {
    const { server, peer } = await rawClient({ cell: tls13, ...on(option) });
    const failed = once(server.resume(), 'error');
    peer.send(22, Uint8Array.of(1, 0, 0, 2, 3, 3));
    expect((await failed)[0]).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_/) });
    await peer.ended;
    expect(peer.alerts).toEqual([[2, 10]]);
  });

  describe('floods', () => {
    test('warnings', async () => {
      const { server, peer } = await rawClient({ cell: tls12, ...on(option) });
      const failed = once(server.resume(), 'error');
      peer.hold();
      for (let i = 0; i < 70; i++) peer.send(21, Uint8Array.of(1, 90));
      peer.release();
      expect((await failed)[0].code).toMatch(/^ERR_SSL_(UNEXPECTED_MESSAGE|TOO_MANY_WARN_ALERTS)$/);
      await peer.ended;
    });

    test('tickets', async () => {
      const { client, peer } = await rawServer({ cell: tls13, ...on(option) });
      const failed = once(client.resume(), 'error');
      const before = peer.control.length;
      peer.hold();
      for (let i = 0; i < 300; i++) peer.send(22, ticket(i));
      peer.release();
      expect((await failed)[0]).toMatchObject({
        code: 'ERR_SSL_UNEXPECTED_MESSAGE',
        reason: expect.stringMatching(/more than 256 handshake messages/),
      });
      await peer.ended;
      expect(peer.control.slice(before).filter(({ type }) => type === 21).length).toBe(1);
    });

    test('empty records end in an error, or in nothing', async () => {
      const { server, peer } = await rawClient({ cell: tls13, ...on(option) });
      const outcome = new Promise((resolve) =>
        server.once('data', (chunk) => resolve(String(chunk))).once('error', resolve),
      );
      peer.hold();
      for (let i = 0; i < 40; i++) peer.send(23, new Uint8Array());
      peer.send(23, Buffer.from('data'));
      peer.release();
      // The kernel passes over a few by itself; in user space 32 in a row are the limit.
      if (layer === 'kernel') expect(await outcome).toBe('data');
      else expect(await outcome).toMatchObject({ code: 'ERR_SSL_UNEXPECTED_MESSAGE' });
    });

    unless(layer === 'kernel' && !rekeys && 'this kernel cannot change keys', test)('KeyUpdates', async () => {
      const { server, peer } = await rawClient({ cell: tls13, ...on(option) });
      const failed = once(server.resume(), 'error');
      for (let i = 0; i < 300; i++) peer.updateKeys();
      expect((await failed)[0]).toMatchObject({
        code: 'ERR_SSL_UNEXPECTED_MESSAGE',
        reason: expect.stringMatching(/more than 256/),
      });
    });

    unless(layer === 'kernel' && !rekeys && 'this kernel cannot change keys', test)(
      'KeyUpdates whose answers are not read, between data',
      async () => {
        const { server, peer } = await rawClient({ cell: tls13, ...on(option) });
        const failed = once(server.resume(), 'error');
        peer.pause();
        // More than fits anywhere on the way: answers can only wait behind it.
        server.write(Buffer.alloc(20_000_000));
        for (let i = 0; i < 70; i++) {
          peer.updateKeys(true);
          peer.send(23, Buffer.from('x'));
        }
        expect((await failed)[0]).toMatchObject({
          code: 'ERR_SSL_UNEXPECTED_MESSAGE',
          reason: expect.stringMatching(/does not read the answers/),
        });
      },
    );

    unless(layer === 'kernel' && !rekeys && 'this kernel cannot change keys', test)(
      'KeyUpdates from a peer that only receives are none',
      async () => {
        const { server, peer } = await rawClient({ cell: tls13, ...on(option) });
        for (let i = 0; i < 100; i++) {
          peer.updateKeys(true);
          await new Promise((resolve) => server.write('x', resolve));
          await expect.poll(() => peer.received.length, { interval: 1 }).toBe(i + 1);
        }
        expect(server.destroyed).toBe(false);
      },
    );
  });
});

/** A NewSessionTicket (RFC 8446 §4.6.1) with a nonce of its own. */
function ticket(nonce: number): Uint8Array {
  const body = [0, 0, 14, 16, 0, 0, 0, nonce, 1, nonce, 0, 8, 1, 2, 3, 4, 5, 6, 7, nonce, 0, 0];
  return Uint8Array.from([4, 0, 0, body.length, ...body]);
}
