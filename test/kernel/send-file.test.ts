import { once } from 'node:events';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TLSSocket } from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import type { KtlsOption } from '../../src/socket/ktls-policy.ts';
import { unless } from '../helpers/unless.ts';
import { cells, rekeys, tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs, serverPair } from './pair.ts';
import { rawClient } from './raw-pair.ts';
import { idle, settled, since } from './tls-stat.ts';
import { hashOf, makePayload, sha256 } from './traffic.ts';

const content = makePayload(9_000_001);
const path = join(tmpdir(), 'ktls-send-file');
writeFileSync(path, content);
// Trials count in the kernel's statistics, too.
beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterAll(() => rm(path));
afterEach(closePairs);

describe.each(layers)('sendFile on $layer', ({ ktls }) => {
  const pair = (cell = tls13) => serverPair({ cell, ...on(ktls) });

  test.each([tls12, tls13])('a whole file, by its path: $version', async (cell) => {
    const { server, client } = await pair(cell);
    const received = hashOf(client);
    const progress: number[] = [];
    expect(await server.sendFile(path, { onProgress: (sent) => progress.push(sent) })).toBe(content.length);
    server.end();
    expect(await received).toBe(sha256(content));
    expect(progress.at(-1)).toBe(content.length);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(server.bytesWritten).toBe(content.length);
  });

  test('parts of an open file, which stays open', async () => {
    const { server, client } = await pair();
    const received = hashOf(client);
    const handle: FileHandle = await open(path);
    const descriptor = openSync(path, 'r');
    expect(await server.sendFile(handle, { start: 1000, length: 5_000_000 })).toBe(5_000_000);
    expect(await server.sendFile(descriptor, { start: content.length - 10 })).toBe(10);
    expect(await server.sendFile(handle, { length: 0 })).toBe(0);
    expect(await server.sendFile(handle, { start: content.length + 5 })).toBe(0);
    server.end();
    expect(await received).toBe(sha256(Buffer.concat([content.subarray(1000, 5_001_000), content.subarray(-10)])));
    expect((await handle.stat()).size).toBe(content.length);
    await handle.close();
    closeSync(descriptor);
  });

  test('it keeps its place among the writes', async () => {
    const { server, client } = await pair();
    const received = hashOf(client);
    server.write('before');
    const first = server.sendFile(path, { length: 2_000_000 });
    server.write('between');
    await first;
    server.write('after');
    server.end();
    const expected = ['before', content.subarray(0, 2_000_000), 'between', 'after'].map((part) => Buffer.from(part));
    expect(await received).toBe(sha256(Buffer.concat(expected)));
  });

  test('a reset ends it, also where nothing is read any more', async () => {
    const { server, peer } = await rawClient({ cell: tls13, ...on(ktls) });
    peer.pause();
    // The server is full of data that nobody takes, so that it does not look for more.
    while (server.readableLength < server.readableHighWaterMark) {
      peer.send(23, content.subarray(0, 16_384));
      await new Promise(setImmediate);
    }
    const closed = new Promise((resolve) => server.on('error', () => {}).once('close', resolve));
    let [sent, seen] = [0, -1];
    const onProgress = (bytes: number): void => {
      sent = bytes;
    };
    const sending = server.sendFile(path, { onProgress }).catch((error) => error);
    while (sent === 0 || sent !== seen) {
      seen = sent;
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    }
    peer.reset();
    expect(await sending).toBeInstanceOf(Error);
    await closed;
  });

  test('a file that is too short is an error, and the connection goes on', async () => {
    const { server, client } = await pair();
    const received = hashOf(client);
    const failure = await server.sendFile(path, { start: 8_000_000, length: 2_000_000 }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'ERR_KTLS_FILE_TOO_SHORT', bytesSent: 1_000_001 });
    server.end('after');
    expect(await received).toBe(sha256(Buffer.concat([content.subarray(8_000_000), Buffer.from('after')])));
  });

  test('a file that shrinks while it is sent is an error; one that grows is cut', async () => {
    const changing = join(tmpdir(), 'ktls-send-file-changing');
    writeFileSync(changing, content);
    const { server, client } = await pair();
    client.pause();
    const shrinking = server.sendFile(changing, { onProgress: () => truncateSync(changing, 100_000) });
    const failure = shrinking.catch((error) => error);
    await expect.poll(() => server.bytesWritten).toBeGreaterThan(0);
    client.resume();
    expect(await failure).toMatchObject({ code: 'ERR_KTLS_FILE_TOO_SHORT' });

    writeFileSync(changing, content);
    const other = await pair();
    const received = hashOf(other.client);
    const sent = await other.server.sendFile(changing, {
      onProgress: () => writeFileSync(changing, 'more', { flag: 'a' }),
    });
    expect(sent).toBe(content.length);
    other.server.end();
    expect(await received).toBe(sha256(content));
    await rm(changing);
  });

  test('aborted: it rejects at once, also when the peer does not read', async () => {
    const { server } = await pair();
    const controller = new AbortController();
    const sending = server.sendFile(path, { signal: controller.signal });
    const failure = sending.catch((error) => error);
    await expect.poll(() => server.bytesWritten).toBeGreaterThan(0);
    controller.abort();
    expect(await failure).toMatchObject({ name: 'AbortError' });
    await expect(server.sendFile(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('it rejects when the connection breaks, and for what is no file', async () => {
    const { server, client } = await pair();
    server.on('error', () => {});
    const failure = server.sendFile(path).catch((error) => error);
    await expect.poll(() => server.bytesWritten).toBeGreaterThan(0);
    client.destroy();
    const closed = once(server, 'close').catch(() => {});
    server.destroy();
    expect(await failure).toBeInstanceOf(Error);
    await closed;
    const other = await pair();
    await expect(other.server.sendFile('/nonexistent')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(other.server.sendFile(path, { start: -1 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });
});

/** As it is by default, but for TLS 1.3 on kernels that cannot change keys. */
const auto: KtlsOption = { withoutRekey: true };
const worthwhile = 64 * 1024;
const gcm = cells.filter(({ aead }) => aead !== 'chacha20-poly1305');
const chacha = cells.filter(({ aead }) => aead === 'chacha20-poly1305');

/** The layers that a socket's writes are given to from now on. */
function writeLayers(socket: TLSSocket): string[] {
  const layers: string[] = [];
  socket.on('recordLayer', ({ write }) => layers.push(write));
  return layers;
}

describe("sendFile under 'auto'", () => {
  test.each(gcm)('brings the kernel, and not before 64 KiB: $version $aead', async (cell) => {
    const before = await idle();
    const { server, client } = await serverPair({ cell, serverOptions: { ktls: auto } });
    const received = hashOf(client);
    const layers = writeLayers(server);
    expect(server.recordLayer).toEqual({
      read: 'native',
      write: 'native',
      reason: {
        read: expect.stringContaining('receiving through the kernel takes no less work'),
        write: expect.stringContaining('saves work with files only'),
      },
    });
    // Much of it waits for room when the kernel's turn comes.
    server.write(content.subarray(0, 3_000_000));
    await server.sendFile(path, { start: 3_000_000, length: worthwhile - 1 });
    server.write('between');
    expect([server.ktlsSend, since(before), layers]).toEqual([false, {}, []]);
    server.write(content.subarray(0, 3_000_000));
    await server.sendFile(path, { start: 5_000_000, length: 1 });
    expect([server.ktlsSend, server.ktlsRecv, layers]).toEqual([true, false, ['kernel']]);
    expect(server.recordLayer).toMatchObject({ read: 'native', write: 'kernel' });
    expect(server.recordLayer.reason.write).toBe(undefined);
    server.write('after');
    await server.sendFile(path, { length: 2_000_000 });
    server.end('end');
    const expected = [
      ...[content.subarray(0, 3_000_000), content.subarray(3_000_000, 3_000_000 + worthwhile - 1), 'between'],
      ...[content.subarray(0, 3_000_000), content.subarray(5_000_000, 5_000_001), 'after'],
      ...[content.subarray(0, 2_000_000), 'end'],
    ];
    expect(await received).toBe(sha256(Buffer.concat(expected.map((part) => Buffer.from(part)))));
    expect(server.keyEpochs).toEqual({ read: 0, write: 0 });
    await closePairs();
    expect(await settled(before)).toEqual({ TlsTxSw: 1 });
  });

  test('one file is enough, and what is received meanwhile stays intact', async () => {
    const before = await idle();
    const { server, client } = await serverPair({ cell: tls12, serverOptions: { ktls: auto } });
    const received = Promise.all([hashOf(client, content.length), hashOf(server, content.length)]);
    client.end(content);
    expect(await server.sendFile(path)).toBe(content.length);
    expect(await received).toEqual([sha256(content), sha256(content)]);
    server.end();
    await closePairs();
    expect(await settled(before)).toEqual({ TlsTxSw: 1 });
  });

  test.each(chacha)('does not with ChaCha20-Poly1305: $version', async (cell) => {
    const before = await idle();
    const { server, client } = await serverPair({ cell, serverOptions: { ktls: auto } });
    const received = hashOf(client);
    await server.sendFile(path);
    expect(server.recordLayer).toMatchObject({
      write: 'native',
      reason: { write: expect.stringContaining('ChaCha20-Poly1305') },
    });
    server.end();
    expect(await received).toBe(sha256(content));
    await closePairs();
    expect(await settled(before)).toEqual({});
  });

  unless(!rekeys && 'this kernel cannot change keys', test)('keys are changed before and after', async () => {
    const before = await idle();
    const { server, client } = await serverPair({ cell: tls13, serverOptions: { ktls: 'auto' } });
    const received = hashOf(client);
    server.write('before');
    server.updateKeys();
    server.write('between');
    await expect.poll(() => [server.recordLayer.write, server.keyEpochs.write]).toEqual(['native', 1]);
    await server.sendFile(path, { length: 100_000 });
    expect([server.recordLayer.write, server.keyEpochs.write]).toEqual(['kernel', 1]);
    server.updateKeys();
    server.write('after');
    await server.sendFile(path, { start: 100_000, length: 100_000 });
    expect([server.recordLayer.write, server.keyEpochs.write]).toEqual(['kernel', 2]);
    server.end();
    const expected = ['before', 'between', content.subarray(0, 100_000), 'after', content.subarray(100_000, 200_000)];
    expect(await received).toBe(sha256(Buffer.concat(expected.map((part) => Buffer.from(part)))));
    await closePairs();
    expect(await settled(before)).toEqual({ TlsTxSw: 1, TlsTxRekeyOk: 1 });
  });

  unless(rekeys && 'this kernel can change keys', test)(
    'reads it where the kernel cannot change keys, and then says so',
    async () => {
      const before = await idle();
      const { server, client } = await serverPair({ cell: tls13, serverOptions: { ktls: 'auto' } });
      const received = hashOf(client);
      await server.sendFile(path);
      expect(server.recordLayer).toMatchObject({
        write: 'native',
        reason: { write: expect.stringMatching(/cannot change the keys .* withoutRekey/) },
      });
      server.end();
      expect(await received).toBe(sha256(content));
      await closePairs();
      expect(await settled(before)).toEqual({});
    },
  );
});
