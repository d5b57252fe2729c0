import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { captureTo, type EpochKeys, fromCryptoInfo, toCryptoInfo } from '../../src/keys.ts';
import { KernelDirection } from '../../src/platform/kernel/kernel-calls.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { splitRecords } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';
import { echo, openAll, recordsOf, type WireOptions, wire } from '../keys/wire.ts';
import { calls, closeAll, errno, Receiver, receiveAll, tcpPair, untilSent } from './addon-pair.ts';
import { cells, kernelOnly, rekeys } from './cells.ts';
import { hashOf } from './traffic.ts';

beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterEach(closeAll);

const roles = ['client', 'server'] as const;
const hello = Buffer.from('some data');
const long = Buffer.alloc(40_000, 'long');

function both(keys: { read: EpochKeys | undefined; write: EpochKeys | undefined }): {
  read: EpochKeys;
  write: EpochKeys;
} {
  const { read, write } = keys;
  if (!read || !write) throw new Error('keys are missing');
  return { read, write };
}

describe.each(roles)('keys exported while the kernel carries the records, at the %s', (role) => {
  test.each(cells)('$version $aead: they and the kernel’s number of the next record open it', async (cell) => {
    const ours = { exportKeys: true, ktls: kernelOnly };
    const connection = await wire({ role, version: cell.version, ciphers: cell.cipher, ours });
    await echo(connection, hello);
    const first = both(connection.ours.exportKeys());
    await echo(connection, long);
    const second = both(connection.ours.exportKeys());
    expect([second.read.recordLayer, second.write.recordLayer]).toEqual(['kernel', 'kernel']);
    expect(second.write.sequenceNumber - first.write.sequenceNumber, 'records of 40000 bytes').toBe(3n);
    const { read, write } = await recordsOf(connection, () => echo(connection, long));
    expect([openAll(second.write, write), openAll(second.read, read)]).toEqual([long, long]);
  });

  unless(!rekeys && 'this kernel cannot change keys', test)('after KeyUpdates, too', async () => {
    const connection = await wire({ role, version: 'TLSv1.3', ours: { exportKeys: true, ktls: kernelOnly } });
    for (let round = 1; round <= 3; round++) {
      connection.ours.updateKeys({ requestPeer: true });
      await echo(connection, hello);
      const keys = both(connection.ours.exportKeys());
      expect([keys.read.epoch, keys.write.epoch]).toEqual([round, round]);
      const { read, write } = await recordsOf(connection, () => echo(connection, long));
      expect([openAll(keys.write, write), openAll(keys.read, read)]).toEqual([long, long]);
    }
  });
});

describe.each(roles)("keys exported once a file has brought the kernel under 'auto', at the %s", (role) => {
  test.each(cells.filter(({ aead }) => aead !== 'chacha20-poly1305'))(
    '$version $aead: they open what comes next, and nobody tells of new ones',
    async (cell) => {
      const file = join(tmpdir(), `ktls-export-keys-${role}`);
      writeFileSync(file, Buffer.alloc(80_000, 'file'));
      onTestFinished(() => rmSync(file));
      const ours = { exportKeys: true, ktls: { withoutRekey: true } };
      const connection = await wire({ role, version: cell.version, ciphers: cell.cipher, ours });
      const told: unknown[] = [];
      connection.ours.on('keys', ({ direction }) => told.push(direction));
      await echo(connection, hello);
      const first = both(connection.ours.exportKeys());
      const back = hashOf(connection.ours, 80_000);
      await connection.ours.sendFile(file);
      await back;
      const second = both(connection.ours.exportKeys());
      expect(first.write).toMatchObject({ epoch: 0, recordLayer: 'native' });
      expect(second.write).toMatchObject({ epoch: 0, recordLayer: 'kernel' });
      expect(second.write.key).toEqual(first.write.key);
      expect(second.write.sequenceNumber - first.write.sequenceNumber, 'records of 80000 bytes').toBe(5n);
      const { write } = await recordsOf(connection, () => echo(connection, hello));
      expect(openAll(second.write, write)).toEqual(hello);
      expect(told).toEqual([]);
    },
  );
});

test.each(['TLSv1.3', 'TLSv1.2'] as const)(
  'keys exported before the kernel has them are the right ones, too: %s',
  async (version) => {
    const ours = { exportKeys: true, ktls: kernelOnly };
    const exported: EpochKeys[] = [];
    const connection = await wire({
      ...{ role: 'client', version, ours },
      onSecure: (socket) => void exported.push(both(socket.exportKeys()).write),
    });
    await echo(connection, hello);
    const [write] = exported;
    expect(write).toMatchObject({ epoch: 0, recordLayer: 'kernel' });
    if (write) expect(openAll(write, splitRecords(connection.passed.write).slice(-1))).toEqual(hello);
  },
);

test('a connection that is captured stays off a kernel that would take it', async () => {
  const capture = captureTo(new PassThrough().resume());
  const connection = await wire({ role: 'client', version: 'TLSv1.3', ours: { capture } });
  await echo(connection, hello);
  const { read, write, reason } = connection.ours.recordLayer;
  expect([read, write]).toEqual(['native', 'native']);
  expect([reason.read, reason.write]).toEqual([expect.stringContaining('capture'), expect.stringContaining('capture')]);
  await capture.close();
});

/** All that kernels know, AES-128-CCM besides, whose records OpenSSL protects here. */
const known: Pick<WireOptions, 'version' | 'ciphers'>[] = [
  ...cells.map(({ version, cipher }) => ({ version, ciphers: cipher })),
  { version: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-CCM' },
  { version: 'TLSv1.3', ciphers: 'TLS_AES_128_CCM_SHA256' },
];

describe.each(known)('$version $ciphers: a kernel takes exported keys', (cell) => {
  test('and opens what the connection receives next', async () => {
    const connection = await wire({ role: 'client', ...cell, ours: { exportKeys: true, ktls: 'off' } });
    await echo(connection, hello);
    const keys = both(connection.ours.exportKeys()).read;
    const { read } = await recordsOf(connection, () => echo(connection, long));
    const { near, far } = await tcpPair();
    install(far, KernelDirection.TLS_RX, keys);
    await untilSent(near, Buffer.concat(read));
    expect((await receiveAll(new Receiver(far), long.length)).equals(long)).toBe(true);
    expect(fromCryptoInfo(held(far, KernelDirection.TLS_RX, keys)).sequenceNumber).toBe(
      keys.sequenceNumber + BigInt(read.length),
    );
  });

  test('and goes on sending where the connection left off', async () => {
    const connection = await wire({ role: 'client', ...cell, ours: { exportKeys: true, ktls: 'off' } });
    await echo(connection, hello);
    const keys = both(connection.ours.exportKeys()).write;
    const { near, far } = await tcpPair();
    install(near, KernelDirection.TLS_TX, keys);
    const { version, aead, key, sequenceNumber } = keys;
    expect(fromCryptoInfo(held(near, KernelDirection.TLS_TX, keys))).toMatchObject({
      version,
      aead,
      key,
      sequenceNumber,
    });
    const text = 'sealed by a kernel that was not there before';
    await untilSent(near, Buffer.from(text));
    const back = once(connection.ours, 'data');
    const overhead = cell.version === 'TLSv1.3' ? 22 : cell.ciphers?.includes('CHACHA') ? 21 : 29;
    connection.inject(await onTheWire(far, text.length + overhead));
    expect(String((await back)[0])).toBe(text);
  });
});

function install(descriptor: number, direction: KernelDirection, keys: EpochKeys): void {
  expect(calls.attachUlp(descriptor)).toBe(0);
  expect(calls.installKeys(descriptor, direction, toCryptoInfo(keys))).toBe(0);
}

/** What the kernel says that it holds. */
function held(descriptor: number, direction: KernelDirection, keys: EpochKeys): Uint8Array {
  const bytes = new Uint8Array(toCryptoInfo(keys).length);
  expect(calls.readKeys(descriptor, direction, bytes)).toBe(bytes.length);
  return bytes;
}

/** What a receiver without keys gets. */
async function onTheWire(descriptor: number, length: number): Promise<Uint8Array> {
  const receiver = new Receiver(descriptor);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const received = receiver.poll.receive(bytes, at, length - at);
    if (received === errno.EAGAIN) await receiver.ready();
    else if (received <= 0) throw new Error(`recv ${received}`);
    else at += received;
  }
  return bytes;
}
