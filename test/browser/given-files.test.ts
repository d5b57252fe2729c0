import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { browserCryptography } from '../../src/browser/cryptography.ts';
import { piecesOfFile } from '../../src/browser/file-pieces.ts';
import { GivenFiles } from '../../src/browser/given-files.ts';
import { decryptPieces } from '../../src/dissect/decrypt-pieces.ts';
import { type DecryptionEvent, eventJson } from '../../src/keys.ts';
import { capture, eventsOf } from '../dissect/captures.ts';
import { caseFile, caseKeyLog } from '../dissect/cases.ts';

test('what a file is, is seen by what is in it', async () => {
  const files = new GivenFiles();
  const { bytes } = capture('tls12-gcm');
  const pcapng = readFileSync(caseFile('go.pcapng'));
  const lz4 = readFileSync(caseFile('compressed.pcapng.lz4'));
  for (const content of [bytes, pcapng, lz4, gzipSync(bytes)]) expect(await add(files, content)).toBe('capture');
  expect(files.capture?.size).toBe(gzipSync(bytes).length);
  expect([files.keyLog, files.keys]).toEqual([undefined, undefined]);
  expect(await add(files, '# SSL/TLS secrets log file\n')).toBe('key log');
  expect(await add(files, '\ufeffCLIENT_RANDOM')).toBe('key log');
  expect(files.keyLog).toBe('# SSL/TLS secrets log file\n\nCLIENT_RANDOM');
  expect(await add(files, ' {"clientRandom":1}')).toBe('exported keys');
  expect(await add(files, '[{"clientRandom":2},{"clientRandom":3}]')).toBe('exported keys');
  expect(files.keys).toEqual([{ clientRandom: 1 }, { clientRandom: 2 }, { clientRandom: 3 }]);
  await expect(add(files, '{"clientRandom":')).rejects.toThrow(SyntaxError);
});

test.each([
  'tls12-gcm',
  'tls12-cbc',
  'tls12-cbc-encrypt-then-mac',
  'tls13-key-update',
  'tls13-early-data',
  'tls11',
] as const)('%s comes to the same as in Node.js', async (name) => {
  const { bytes, keyLog } = capture(name);
  const events = await decrypted(bytes, keyLog);
  expect(events.map(eventJson)).toEqual((await eventsOf(bytes, { keyLog })).map(eventJson));
});

test.each([
  ['gzip', (bytes: Uint8Array) => gzipSync(bytes), []],
  ['damaged', (bytes: Uint8Array) => gzipSync(bytes).subarray(0, -20), ['what is compressed with gzip is damaged']],
  ['zstd', () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0), ['Zstandard, which this page does not open']],
])('compressed: %s', async (_how, pack, said) => {
  const { bytes, keyLog } = capture('tls13-key-update');
  const problems = (await decrypted(pack(bytes), keyLog)).flatMap((event) =>
    event.kind === 'captureProblem' ? event.reason : [],
  );
  expect(problems).toEqual(said.map((text) => expect.stringContaining(text)));
});

test('LZ4, with an index at its end', async () => {
  const events = await decrypted(readFileSync(caseFile('compressed.pcapng.lz4')), caseKeyLog('compressed'));
  expect(events.filter(({ kind }) => kind === 'problem' || kind === 'captureProblem')).toEqual([]);
  expect(events.some((event) => event.kind === 'record' && event.record.type === 23)).toBe(true);
});

test('how far reading is, is told', async () => {
  const { bytes } = capture('tls12-gcm');
  const told: number[] = [];
  for await (const _ of piecesOfFile(new Blob([Uint8Array.from(bytes)]), (read) => told.push(read)).read());
  expect(told.at(-1)).toBe(bytes.length);
});

test('a suite that is not there is told', async () => {
  const problems = (await decrypted(readFileSync(caseFile('camellia.pcapng')), caseKeyLog('camellia'))).flatMap(
    (event) => (event.kind === 'problem' ? event.problem.reason : []),
  );
  expect(problems).toEqual(['the cipher suite TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256 is not supported']);
});

async function decrypted(content: Uint8Array, keyLog: string): Promise<DecryptionEvent[]> {
  const events: DecryptionEvent[] = [];
  const pieces = piecesOfFile(new Blob([Uint8Array.from(content)]), () => {});
  for await (const event of decryptPieces(pieces, browserCryptography, { keyLog })) events.push(event);
  return events;
}

function add(files: GivenFiles, content: string | Uint8Array): Promise<unknown> {
  return files.add(new File([typeof content === 'string' ? content : Uint8Array.from(content)], 'name'));
}
