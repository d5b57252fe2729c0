import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createZstdCompress, gzipSync, type ZstdCompress } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { decrypt, decryptEvents } from '../../src/keys.ts';
import {
  decryptionSecrets,
  enhancedPacket,
  interfaceDescription,
  sectionHeader,
} from '../../src/pcap/pcapng-writer.ts';
import { capture, packetsOf } from '../dissect/captures.ts';
import { caseFile, caseKeyLog, hello, saidBy } from '../dissect/cases.ts';
import { unless } from '../helpers/unless.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-sources-'));
const { bytes, keyLog } = capture('tls13-retry');
const said = 'one from the client|two from the client';

afterAll(() => rmSync(folder, { recursive: true }));

describe('a compressed capture', () => {
  test.each<[string, () => Promise<Uint8Array>]>([
    ['gzip', async () => gzipSync(bytes)],
    [
      'gzip, in two members',
      async () => Buffer.concat([gzipSync(bytes.subarray(0, 999)), gzipSync(bytes.subarray(999))]),
    ],
    ['Zstandard', () => zstd(bytes)],
  ])('%s: as bytes and as a file', async (name, compress) => {
    const compressed = await compress();
    const file = join(folder, name.replaceAll(/\W/g, ''));
    writeFileSync(file, compressed);
    for (const source of [compressed, file, piecesOf(compressed, 7)]) {
      const { conversations, problems } = await decrypt(source, { keyLog });
      expect(problems).toEqual([]);
      expect(saidBy(conversations[0], 'client')).toBe(said);
    }
  });

  test('LZ4, as editcap writes it', async () => {
    const { conversations } = await decrypt(caseFile('compressed.pcapng.lz4'), { keyLog: caseKeyLog('compressed') });
    expect(saidBy(conversations[0], 'client')).toBe(hello.client);
  });

  test.each<[string, () => Promise<Uint8Array>, string]>([
    ['gzip', async () => gzipSync(bytes), 'what is compressed with gzip is damaged or cut off'],
    ['Zstandard', () => zstd(bytes), 'what is compressed with Zstandard is damaged or cut off'],
    [
      'LZ4',
      async () => readFileSync(caseFile('compressed.pcapng.lz4')),
      'what is compressed with LZ4 is damaged: the file is cut off',
    ],
  ])('%s that is cut off says so', async (_, compress, problem) => {
    const compressed = await compress();
    const { problems } = await decrypt(compressed.subarray(0, compressed.length - 9), { keyLog });
    // Node.js 22 says nothing of Zstandard that is cut off: then the packets tell.
    const isTold = problems.length === 1 && [problem, 'the file is empty'].includes(problems[0] ?? '');
    expect({ problems, isTold }).toMatchObject({ isTold: true });
  });

  test('what grows a thousandfold is never there as a whole', async () => {
    const bomb = gzipSync(Buffer.concat([bytes, Buffer.alloc(2 ** 27)]));
    expect(bomb.length).toBeLessThan(2 ** 18);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const _ of decryptEvents(bomb, { keyLog })) most = Math.max(most, process.memoryUsage().arrayBuffers);
    expect(Math.max(most, process.memoryUsage().arrayBuffers) - before).toBeLessThan(2 ** 25);
  });
});

describe('a capture that can be read once', () => {
  test('pieces of any size, and a key log beside them', async () => {
    for (const size of [1, 333, 1e6]) {
      const { conversations } = await decrypt(piecesOf(bytes, size), { keyLog });
      expect(saidBy(conversations[0], 'client')).toBe(said);
    }
  });

  test('secrets may stand behind the packets that need them', async () => {
    const names = ['tls12-gcm', 'tls13-retry', 'tls13-early-data'] as const;
    for (const name of names) {
      const one = capture(name);
      const packets = packetsOf(one.bytes).map(({ time, bytes: packet }) => enhancedPacket({ time, packet }));
      const head = [sectionHeader(), interfaceDescription({ linkType: 1 })];
      const lines = one.keyLog
        .trim()
        .split('\n')
        .map((line) => decryptionSecrets(`${line}\n`));
      const inTheMiddle = [...head, ...packets.slice(0, 9), ...lines, ...packets.slice(9)];
      for (const file of [inTheMiddle, [...head, ...packets.slice(0, -2), ...lines, ...packets.slice(-2)]]) {
        const { conversations } = await decrypt(piecesOf(Buffer.concat(file), 500));
        expect(saidBy(conversations[0], 'client')).toContain(said);
        expect(conversations[0]?.problems).toEqual([]);
      }
    }
  });

  unless(process.platform === 'win32' && 'not on Windows', test)('a named pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const found = decrypt(pipe, { keyLog });
    writeFileSync(pipe, bytes);
    expect(saidBy((await found).conversations[0], 'client')).toBe(said);
  });

  test('a source that fails is the caller’s error', async () => {
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 500);
      throw new Error('no more');
    })();
    await expect(decrypt(failing, { keyLog })).rejects.toThrow('no more');
  });
});

unless(process.platform !== 'linux' && 'only on Linux', test)('files are closed on every way out', async () => {
  const file = join(folder, 'large.gz');
  writeFileSync(file, gzipSync(bytes));
  const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  const before = await open();
  for (const source of [file, capture('tls13-retry').file]) {
    for await (const _ of decryptEvents(source, { keyLog })) break;
    await decrypt(source, { keyLog });
    await expect(decrypt(source, { keys: 5 })).rejects.toThrow();
  }
  expect(await open()).toBe(before);
});

async function* piecesOf(all: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

function zstd(content: Uint8Array): Promise<Uint8Array> {
  const compress: ZstdCompress = createZstdCompress();
  compress.end(content);
  return buffer(compress);
}
