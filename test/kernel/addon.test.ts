import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { KernelDirection, ReceiveStop } from '../../src/platform/kernel/kernel-calls.ts';
import type { ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { encodeCryptoInfo } from '../../src/record/crypto-info.ts';
import type { AeadName, TrafficKeys } from '../../src/record/traffic-keys.ts';
import { referenceOpen, referenceSeal, splitRecords } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';
import {
  calls,
  closeAll,
  errno,
  Receiver,
  receiveAll,
  rekeys,
  someKeys,
  tcpPair,
  tlsStat,
  untilSent,
} from './addon-pair.ts';

const { TLS_TX, TLS_RX } = KernelDirection;
const { blocked, control, end, failed, full } = ReceiveStop;
const versions: readonly ProtocolVersionNumber[] = [0x0303, 0x0304];
const aeads: readonly AeadName[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];

afterEach(closeAll);

describe.each(versions.flatMap((version) => aeads.map((aead) => ({ version, aead }))))(
  '$aead in version $version',
  ({ version, aead }) => {
    test('from kernel to kernel, through the kernel', async () => {
      const before = tlsStat();
      const keys = someKeys(version, aead);
      const { sender, receiver } = await kernelPair(keys);
      const data = randomBytes(1_000_000);
      const sending = untilSent(sender, data);
      expect((await receiveAll(receiver, data.length)).equals(data)).toBe(true);
      await sending;
      const after = tlsStat();
      expect([after.TlsTxSw - before.TlsTxSw, after.TlsRxSw - before.TlsRxSw]).toEqual([1, 1]);
      expect(after.TlsDecryptError).toBe(before.TlsDecryptError);
    });

    test('what the kernel sends is what we take for a record, whatever its number', async () => {
      const keys = { ...someKeys(version, aead), sequenceNumber: 2n ** 32n - 1n };
      const { sender, receiver } = await kernelPair(keys, { receiving: false });
      expect(calls.send(sender, Buffer.from('data'))).toBe(4);
      expect(calls.sendRecord(sender, 21, Buffer.from([1, 0]))).toBe(2);
      const wire = new Uint8Array(1000);
      const length = receiver.poll.receive(wire, 0, 1000);
      const records = splitRecords(wire.subarray(0, length));
      expect(records.map((record, i) => referenceOpen(keys, keys.sequenceNumber + BigInt(i), record))).toEqual([
        { type: 23, fragment: new Uint8Array(Buffer.from('data')) },
        { type: 21, fragment: Uint8Array.of(1, 0) },
      ]);
    });

    test('what we seal is what the kernel takes for a record', async () => {
      const keys = { ...someKeys(version, aead), sequenceNumber: 2n ** 48n - 1n };
      const { sender, receiver } = await kernelPair(keys, { sending: false });
      const seal = (i: bigint, type: number, text: string) =>
        calls.send(sender, referenceSeal(keys, keys.sequenceNumber + i, type, Buffer.from(text)));
      seal(0n, 23, 'data');
      seal(1n, 22, 'control');
      expect(receiver.many()).toEqual({ stop: control, data: 'data', type: 22, control: 'control' });
      const out = Buffer.from(encodeCryptoInfo(keys)).fill(0);
      expect(calls.readKeys(receiver.fd, TLS_RX, out)).toBe(out.length);
      expect(out.readBigUInt64BE(out.length - 8)).toBe(keys.sequenceNumber + 2n);
    });
  },
);

describe('records', () => {
  test('data, then one control record, then what comes behind it, and never two in one', async () => {
    const { sender, receiver } = await kernelPair();
    for (const [type, text] of [
      [23, 'a'],
      [23, 'b'],
      [22, 'ticket'],
      [22, 'ticket'],
      [23, 'c'],
      [21, '!'],
    ] as const) {
      expect(calls.sendRecord(sender, type, Buffer.from(text))).toBe(text.length);
    }
    expect([receiver.many(), receiver.many(), receiver.many(), receiver.many()]).toEqual([
      { stop: control, data: 'ab', type: 22, control: 'ticket' },
      { stop: control, data: '', type: 22, control: 'ticket' },
      { stop: control, data: 'c', type: 21, control: '!' },
      { stop: blocked, data: '' },
    ]);
  });

  test('a control record as long as can be comes whole', async () => {
    const { sender, receiver } = await kernelPair();
    const long = 'x'.repeat(16384);
    expect(calls.send(sender, Buffer.from('data'))).toBe(4);
    expect(calls.sendRecord(sender, 22, Buffer.from(long))).toBe(16384);
    // No room for it behind the data: first the data, then it.
    expect(receiver.many(16384 + 3)).toEqual({ stop: full, data: 'data' });
    expect(receiver.many(16384)).toEqual({ stop: control, data: '', type: 22, control: long });
    expect(receiver.many(16384)).toEqual({ stop: blocked, data: '' });
  });

  test('receive() tells the type of each', async () => {
    const { sender, receiver } = await kernelPair();
    calls.send(sender, Buffer.from('data'));
    calls.sendRecord(sender, 21, Buffer.from([1, 0]));
    const buffer = new Uint8Array(16384);
    const seen = Array.from({ length: 3 }, () => [receiver.poll.receive(buffer, 0, 16384), receiver.poll.recordType]);
    expect(seen).toEqual([
      [4, 23],
      [2, 21],
      [errno.EAGAIN, 0],
    ]);
  });

  test('the end of the stream is no empty record, and an empty record is no end', async () => {
    const keys = someKeys();
    const { sender, receiver, close } = await kernelPair(keys, { sending: false });
    calls.send(sender, referenceSeal(keys, 0n, 23, new Uint8Array()));
    expect(receiver.many()).toEqual({ stop: blocked, data: '' });
    calls.send(sender, Buffer.concat([1n, 2n].map((i) => referenceSeal(keys, i, 23, new Uint8Array()))));
    calls.send(sender, referenceSeal(keys, 3n, 23, Buffer.from('x')));
    expect(receiver.many()).toEqual({ stop: blocked, data: 'x' });
    close(sender);
    expect(receiver.many()).toEqual({ stop: end, data: '' });
  });

  test.each([
    ['a broken tag', errno.EBADMSG, (record: Uint8Array) => record.with(-1, (record.at(-1) ?? 0) ^ 1)],
    ['too long a record', errno.EMSGSIZE, () => Uint8Array.of(23, 3, 3, 0xff, 0xff)],
    ['no TLS at all', errno.EINVAL, () => Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s is an error behind the data before it', async (_name, error, spoil) => {
    const keys = someKeys();
    const { sender, receiver } = await kernelPair(keys, { sending: false });
    calls.send(sender, referenceSeal(keys, 0n, 23, Buffer.from('before')));
    calls.send(sender, spoil(referenceSeal(keys, 1n, 23, Buffer.from('bad'))));
    const { stop, data, ...rest } = receiver.many();
    expect({ stop, data, ...rest }).toEqual({ stop: failed, data: 'before', error });
  });

  test('a small buffer is filled, and filled again', async () => {
    const { sender, receiver } = await kernelPair();
    const data = randomBytes(50_000);
    await untilSent(sender, data);
    const parts: string[] = [];
    let stop: number = full;
    while (stop === full) {
      const received = receiver.many(16384);
      parts.push(received.data);
      stop = received.stop;
    }
    expect(stop).toBe(blocked);
    expect(Buffer.from(parts.join(''), 'latin1').equals(data)).toBe(true);
  });
});

describe('sending', () => {
  test('a control record waits for room like data', async () => {
    const { sender, receiver } = await kernelPair();
    const chunk = randomBytes(100_000);
    let sent = 0;
    for (let n = 0; n >= 0; n = calls.send(sender, chunk)) sent += n;
    expect(calls.sendRecord(sender, 21, Buffer.from([1, 0]))).toBe(errno.EAGAIN);
    const closing = untilSent(sender, Buffer.from([1, 0]), 21);
    // The last of the data may come together with it.
    let received = receiver.many();
    let length = received.data.length;
    while (received.stop === blocked || received.stop === full) {
      if (received.stop === blocked) await receiver.ready();
      received = receiver.many();
      length += received.data.length;
    }
    expect(received).toMatchObject({ stop: control, type: 21, control: '\x01\0' });
    expect([await closing, length]).toEqual([2, sent]);
  });

  test('a file, from within it', async () => {
    const path = join(tmpdir(), `ktls-send-file-${process.pid}`);
    const content = randomBytes(300_000);
    writeFileSync(path, content);
    const file = openSync(path, 'r');
    const { sender, receiver } = await kernelPair();
    const sending = (async () => {
      for (let offset = 1000; offset < 299_000; ) {
        const sent = calls.sendFile(sender, file, offset, 299_000 - offset);
        if (sent > 0) offset += sent;
        else if (sent === errno.EAGAIN) await new Promise(setImmediate);
        else throw new Error(`sendfile ${sent}`);
      }
    })();
    const received = await receiveAll(receiver, 298_000);
    await sending;
    closeSync(file);
    expect(received.equals(content.subarray(1000, 299_000))).toBe(true);
    expect(calls.sendFile(sender, file, 0, 1)).toBe(errno.EBADF);
  });
});

describe('keys', () => {
  test('the upper layer is attached once, and keys need it', async () => {
    const { near } = await tcpPair();
    const cryptoInfo = encodeCryptoInfo(someKeys());
    expect(calls.installKeys(near, TLS_TX, cryptoInfo)).toBe(errno.ENOPROTOOPT);
    expect([calls.attachUlp(near), calls.attachUlp(near)]).toEqual([0, errno.EEXIST]);
    expect(calls.installKeys(near, TLS_TX, cryptoInfo.subarray(1))).toBe(errno.EINVAL);
    expect(calls.installKeys(near, TLS_TX, cryptoInfo)).toBe(0);
  });

  unless(rekeys && 'this kernel can change keys', test)('this kernel has no new keys for old', async () => {
    const keys = someKeys(0x0304);
    const { sender, receiver } = await kernelPair(keys);
    expect(calls.installKeys(sender, TLS_TX, encodeCryptoInfo(someKeys(0x0304)))).toBe(errno.EBUSY);
    expect(calls.installKeys(receiver.fd, TLS_RX, encodeCryptoInfo(someKeys(0x0304)))).toBe(errno.EBUSY);
    calls.send(sender, Buffer.from('still the old ones'));
    expect(receiver.many()).toEqual({ stop: blocked, data: 'still the old ones' });
  });

  unless(!rekeys && 'this kernel cannot change keys', test)(
    'a KeyUpdate holds what comes behind it until there are new keys',
    async () => {
      const { sender, receiver } = await kernelPair(someKeys(0x0304));
      const newKeys = encodeCryptoInfo(someKeys(0x0304));
      calls.send(sender, Buffer.from('old'));
      calls.sendRecord(sender, 22, keyUpdate);
      expect(calls.installKeys(sender, TLS_TX, newKeys)).toBe(0);
      calls.send(sender, Buffer.from('new'));
      expect(receiver.many()).toEqual({ stop: control, data: 'old', type: 22, control: keyUpdate.toString('latin1') });
      expect(receiver.many()).toEqual({ stop: failed, data: '', error: errno.EKEYEXPIRED });
      expect(calls.installKeys(receiver.fd, TLS_RX, newKeys)).toBe(0);
      expect(receiver.many()).toEqual({ stop: blocked, data: 'new' });
    },
  );
});

describe('waking up', () => {
  unless(!rekeys && 'this kernel cannot change keys', test)(
    'a KeyUpdate that was opened along with data is got by calling again',
    async () => {
      const { sender, receiver } = await kernelPair(someKeys(0x0304));
      calls.send(sender, Buffer.from('data'));
      calls.sendRecord(sender, 22, keyUpdate);
      const buffer = new Uint8Array(16384);
      expect([receiver.poll.receive(buffer, 0, 16384), receiver.poll.recordType]).toEqual([4, 23]);
      // Not by waiting: from here on Linux 7.2 never reports the descriptor as readable.
      expect(receiver.many()).toMatchObject({ stop: control, type: 22 });
    },
  );

  test('whoever reads until blocked and then waits for poll gets everything, in order', async () => {
    const keys = someKeys(0x0304);
    const { sender, receiver } = await kernelPair(keys);
    const sent: { type: number; bytes: Buffer }[] = [];
    const nextKeys: Uint8Array[] = [];
    const sending = (async () => {
      for (let i = 0; i < 400; i++) {
        const update = rekeys && i % 40 === 39;
        const type = update || Math.random() < 0.2 ? 22 : 23;
        const bytes = update
          ? keyUpdate
          : Buffer.concat([Buffer.of(4), randomBytes(1 + ((Math.random() * 30_000) >> (i % 8)))]);
        const record = { type, bytes: type === 22 ? bytes.subarray(0, 16384) : bytes };
        sent.push(record);
        await untilSent(sender, record.bytes, type);
        if (update) {
          const cryptoInfo = encodeCryptoInfo(someKeys(0x0304));
          nextKeys.push(cryptoInfo);
          expect(calls.installKeys(sender, TLS_TX, cryptoInfo)).toBe(0);
        }
        if (Math.random() < 0.3) await new Promise(setImmediate);
      }
      calls.sendRecord(sender, 21, Buffer.from([1, 0]));
    })();
    const received: { type: number; text: string }[] = [];
    for (let closed = false; !closed; ) {
      const { stop, data, type = 0, control: text = '' } = receiver.many(Math.random() < 0.5 ? 16384 : 100_000);
      if (data) received.push({ type: 23, text: data });
      if (stop === control) received.push({ type, text });
      closed = type === 21;
      if (stop === control && text === keyUpdate.toString('latin1')) {
        expect(calls.installKeys(receiver.fd, TLS_RX, nextKeys.shift() ?? new Uint8Array())).toBe(0);
      }
      if (stop === blocked) await receiver.ready();
      expect([blocked, full, control]).toContain(stop);
    }
    await sending;
    sent.push({ type: 21, bytes: Buffer.from([1, 0]) });
    expect(joined(received)).toEqual(joined(sent.map(({ type, bytes }) => ({ type, text: bytes.toString('latin1') }))));
  });
});

/** RFC 8446 §4.6.3: handshake type 24, length 1, update_not_requested. */
const keyUpdate = Buffer.from([24, 0, 0, 1, 0]);

/** Application data of neighbours as one, as it may be cut anywhere. */
function joined(records: readonly { type: number; text: string }[]): string[] {
  const parts: string[] = [];
  let previous = 0;
  for (const { type, text } of records) {
    if (type === 23 && previous === 23) parts[parts.length - 1] += text;
    else parts.push(`${type} ${text}`);
    previous = type;
  }
  return parts;
}

async function kernelPair(keys: TrafficKeys = someKeys(), { sending = true, receiving = true } = {}) {
  const { near, far, close } = await tcpPair();
  const cryptoInfo = encodeCryptoInfo(keys);
  if (sending) expect([calls.attachUlp(near), calls.installKeys(near, TLS_TX, cryptoInfo)]).toEqual([0, 0]);
  if (receiving) expect([calls.attachUlp(far), calls.installKeys(far, TLS_RX, cryptoInfo)]).toEqual([0, 0]);
  return { sender: near, receiver: new Receiver(far), close };
}
