import { once } from 'node:events';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs, serverPair } from './pair.ts';
import { rawClient } from './raw-pair.ts';
import { hashOf, makePayload, sha256 } from './traffic.ts';

const content = makePayload(9_000_001);
const path = join(tmpdir(), 'ktls-send-file');
writeFileSync(path, content);
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
