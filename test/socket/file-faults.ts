import { getEventListeners } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import type { SendFileOptions, TLSSocket } from '../../src/index.ts';
import { unless } from '../helpers/unless.ts';
import { codeOf } from './surface.ts';

/** What goes wrong with a file that is sent, on whatever layer: it concerns that file, and the connection goes on. */
export function describeFileFaults(connected: () => Promise<{ server: TLSSocket; client: Readable }>): void {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-file-faults-'));
  const [path, other] = [join(folder, 'file'), join(folder, 'other')];
  const content = Buffer.alloc(20_000_000, 'of the file that was asked for ');
  writeFileSync(path, content);
  writeFileSync(other, Buffer.alloc(content.length, 'SECRET'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Sends a file, and something else behind it: what became of the file, and what arrived. */
  async function sending(file: Parameters<TLSSocket['sendFile']>[0], options?: SendFileOptions) {
    const { server, client } = await connected();
    const chunks: Buffer[] = [];
    const ended = new Promise((resolve, reject) => client.on('end', resolve).on('error', reject));
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    const outcome = await server.sendFile(file, options).catch(codeOf);
    server.end('after');
    await ended;
    const received = Buffer.concat(chunks);
    expect(received.subarray(-5).toString()).toBe('after');
    return { outcome, received: received.subarray(0, -5) };
  }

  test('a handle that is closed early: no other file is sent by its number', async () => {
    const handle = await open(path);
    const opened: number[] = [];
    let closing: Promise<void> | undefined;
    const { outcome, received } = await sending(handle, {
      onProgress: () => {
        // The system gives out the lowest number that is free.
        closing ??= handle.close().then(() => void opened.push(openSync(other, 'r')));
      },
    });
    await closing;
    for (const descriptor of opened) closeSync(descriptor);
    expect(outcome).toBe('EBADF');
    expect(received.equals(content.subarray(0, received.length))).toBe(true);
    expect(received.length).toBeLessThan(content.length);
  });

  test('a handle that is closed before its turn', async () => {
    const handle = await open(path);
    await handle.close();
    const reused = openSync(other, 'r');
    expect(await sending(handle, { length: 10 })).toEqual({ outcome: 'EBADF', received: Buffer.alloc(0) });
    closeSync(reused);
  });

  test('a folder', async () => {
    expect(await sending(folder, { length: 10 })).toEqual({ outcome: 'EISDIR', received: Buffer.alloc(0) });
  });

  test('a descriptor, and a handle, that is for writing only', async () => {
    const descriptor = openSync(path, 'a');
    const handle = await open(path, 'a');
    for (const file of [descriptor, handle])
      expect(await sending(file, { length: 10 })).toEqual({ outcome: 'EBADF', received: Buffer.alloc(0) });
    closeSync(descriptor);
    await handle.close();
  });

  unless(process.platform !== 'linux' && 'only on Linux', test)('what cannot be sent, but read, is read', async () => {
    const expected = readFileSync('/proc/version').subarray(0, 10);
    expect(await sending('/proc/version', { length: 10 })).toEqual({ outcome: 10, received: expected });
  });

  test('a listener of progress that throws', async () => {
    const options: SendFileOptions = {
      onProgress: () => {
        throw new Error('mine');
      },
    };
    const { outcome, received } = await sending(path, options);
    expect(outcome).toBe('mine');
    expect(received.equals(content.subarray(0, received.length))).toBe(true);
  });

  test('a signal has no listeners left behind', async () => {
    const { signal } = new AbortController();
    await sending(path, { signal, length: 10 });
    await sending('/nonexistent', { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
}
