import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { identityFiles } from './identity.ts';
import { idle, since } from './tls-stat.ts';

/** The examples of docs/research.md. */
const docs = new URL('../../docs/', import.meta.url);
const example = (name: string): string => fileURLToPath(new URL(`examples/${name}`, docs));
const files = identityFiles();
const said = readFileSync(new URL('research.md', docs), 'utf8');

beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterAll(() => files.remove());

test('watching epochs prints what the guide says', async () => {
  const words = [example('watch-epochs.mjs'), files.files.cert, files.files.key];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 50_000 });
  const printed = `    ${stdout.trimEnd().replaceAll('\n', '\n    ')}`;
  expect(said).toContain(printed);
});

test('another program sends on, by the kernel', async () => {
  const before = await idle();
  const server = spawn(process.execPath, [example('hand-over.mjs'), files.files.cert, files.files.key]);
  const printed: string[] = [];
  server.stdout.setEncoding('utf8').on('data', (text: string) => printed.push(text));
  server.stderr.setEncoding('utf8').on('data', (text: string) => printed.push(text));
  const exited = once(server, 'close');
  await Promise.race([once(server.stdout, 'data'), exited]);
  const port = Number(/^listening on (\d+)$/m.exec(printed.join(''))?.[1]);
  expect(port, printed.join('')).toBeGreaterThan(0);
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(files.files.cert) };
  const client = ktls.connect({ ...options, ktls: 'off' }, () => client.write('something'));
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.all([once(client, 'end'), exited]);
  expect(client.closeNotifyReceived).toBe(true);
  client.destroy();
  expect(Buffer.concat(chunks).toString()).toBe(readFileSync(example('send.py'), 'utf8'));
  expect(printed.join('')).toContain('asked for something; aes-256-gcm, record 2 is send.py');
  expect(since(before).TlsTxSw).toBe(1);
});
