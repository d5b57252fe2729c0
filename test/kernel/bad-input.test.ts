import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { Alert } from '../../src/protocol/alert.ts';
import type { RawPeer } from '../helpers/raw-peer.ts';
import { headerOf } from '../helpers/reference-protection.ts';
import { tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs } from './pair.ts';
import { rawClient } from './raw-pair.ts';

afterEach(closePairs);

interface BadInput {
  readonly name: string;
  readonly send: (peer: RawPeer) => void;
  readonly code: string | RegExp;
  readonly alert: number;
  /** The kernel sees another fault than we do. */
  readonly kernel?: { readonly code?: string; readonly alert?: number };
  readonly only?: 'TLSv1.3';
}

const data = new Uint8Array(100).fill(7);
const mac = 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC';
const badMac = { code: mac, alert: Alert.badRecordMac } as const;

// The table in FACTS-linux-ktls.md, "bad input".
const inputs: readonly BadInput[] = [
  { name: 'broken tag', ...badMac, send: (peer) => peer.sendBytes(flipLastBit(peer.seal(23, data))) },
  {
    name: 'replay',
    ...badMac,
    send: (peer) => {
      const record = peer.seal(23, new Uint8Array(1));
      peer.sendBytes(Buffer.concat([record, record]));
    },
  },
  {
    name: 'wrong outer type',
    code: 'ERR_SSL_UNEXPECTED_MESSAGE',
    alert: Alert.unexpectedMessage,
    kernel: { code: mac, alert: Alert.badRecordMac },
    only: 'TLSv1.3',
    send: (peer) => peer.send(23, data, { outerType: 22 }),
  },
  {
    name: 'nothing but zeros inside',
    code: 'ERR_SSL_UNEXPECTED_MESSAGE',
    alert: Alert.unexpectedMessage,
    kernel: { code: mac, alert: Alert.badRecordMac },
    only: 'TLSv1.3',
    send: (peer) => peer.send(23, data, { inner: new Uint8Array(40) }),
  },
  {
    name: 'length too big',
    code: 'ERR_SSL_DATA_LENGTH_TOO_LONG',
    alert: Alert.recordOverflow,
    send: (peer) => peer.sendBytes(Buffer.concat([headerOf(23, 0x0303, 16384 + 2049), data])),
  },
  {
    name: 'plaintext of 16385 bytes',
    code: 'ERR_SSL_DATA_LENGTH_TOO_LONG',
    alert: Alert.recordOverflow,
    send: (peer) => peer.send(23, new Uint8Array(16385)),
  },
  {
    name: 'length too short',
    ...badMac,
    send: (peer) => peer.sendBytes(Buffer.concat([headerOf(23, 0x0303, 5), data])),
  },
  {
    name: 'change_cipher_spec in the clear',
    code: 'ERR_SSL_UNEXPECTED_MESSAGE',
    alert: Alert.unexpectedMessage,
    kernel: { code: mac, alert: Alert.badRecordMac },
    only: 'TLSv1.3',
    send: (peer) => peer.sendBytes(Uint8Array.of(20, 3, 3, 0, 1, 1)),
  },
  {
    name: 'wrong version',
    code: 'ERR_SSL_WRONG_VERSION_NUMBER',
    alert: Alert.decodeError,
    send: (peer) => peer.send(23, data, { outerVersion: 0x0302 }),
  },
  {
    name: 'HTTP',
    code: 'ERR_SSL_UNEXPECTED_RECORD',
    alert: Alert.unexpectedMessage,
    kernel: { code: 'ERR_SSL_WRONG_VERSION_NUMBER', alert: Alert.decodeError },
    send: (peer) => peer.sendBytes(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  },
  {
    name: 'a record of type 99',
    code: /^ERR_SSL_(UNEXPECTED_RECORD|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE)$/,
    alert: Alert.unexpectedMessage,
    send: (peer) => peer.send(99, data),
  },
];

describe.each(layers)('bad input on $layer', ({ layer, ktls }) => {
  describe.each([tls12, tls13])('$version', (cell) => {
    const here = inputs.filter((input) => input.only === undefined || input.only === cell.version);
    test.each(here)('$name', async ({ send, ...expected }) => {
      const { code, alert } = layer === 'kernel' ? { ...expected, ...expected.kernel } : expected;
      const { server, peer } = await rawClient({ cell, ...on(ktls) });
      const failed = once(server, 'error');
      const closed = new Promise((resolve) => server.once('close', resolve));
      const received: Buffer[] = [];
      server.on('data', (chunk: Buffer) => received.push(chunk));
      peer.send(23, Buffer.from('good'));
      send(peer);
      const [error] = await failed;
      expect(error.code).toMatch(code);
      await closed;
      await peer.ended;
      expect(String(Buffer.concat(received)).slice(0, 4)).toBe('good');
      expect(peer.alerts).toEqual([[2, alert]]);
    });

    test('a broken record behind close_notify is nobody’s concern, and leaves our own direction alone', async () => {
      const { server, peer } = await rawClient({ cell, serverOptions: { ktls, allowHalfOpen: true } });
      const ended = once(server.resume(), 'end');
      const closeNotify = peer.seal(21, Uint8Array.of(1, 0));
      peer.sendBytes(Buffer.concat([closeNotify, flipLastBit(peer.seal(23, data)), Buffer.from('GET / HTTP/1.1')]));
      await ended;
      await new Promise<void>((resolve, reject) => {
        server.write('late', (error) => (error ? reject(error) : resolve()));
      });
      await expect.poll(() => String(peer.received)).toBe('late');
      const closed = once(server, 'close');
      peer.end();
      server.end();
      await closed;
    });

    test('an end in the middle of a record is no clean end', async () => {
      const { server, peer } = await rawClient({ cell, ...on(ktls) });
      const ended = once(server.resume(), 'end');
      const record = peer.seal(23, data);
      peer.sendBytes(record.subarray(0, 50));
      peer.end();
      await ended;
      expect(server.closeNotifyReceived).toBe(false);
    });

    test('requireCloseNotify makes it an error', async () => {
      const strict = { serverOptions: { ktls, requireCloseNotify: true } };
      const { server, peer } = await rawClient({ cell, ...strict });
      const failed = once(server.resume(), 'error');
      peer.send(23, data);
      peer.end();
      expect((await failed)[0]).toMatchObject({ code: 'ERR_KTLS_TRUNCATED' });
      const clean = await rawClient({ cell, ...strict });
      const ended = once(clean.server.resume(), 'end');
      clean.peer.close();
      await ended;
      expect(clean.server.closeNotifyReceived).toBe(true);
    });

    test('a reset is an error, and writes after it fail', async () => {
      const { server, peer } = await rawClient({ cell, ...on(ktls) });
      const failed = once(server.resume(), 'error');
      peer.reset();
      expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
      const written = await new Promise((resolve) => server.write('late', resolve));
      expect(written).toBeInstanceOf(Error);
    });
  });
});

function flipLastBit(record: Uint8Array): Uint8Array {
  return record.with(record.length - 1, (record.at(-1) ?? 0) ^ 1);
}
