import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import https from 'ktls/https';
import { buildConnector } from 'ktls/undici';
import { Agent, fetch } from 'undici';
import { beforeAll, expect, test } from 'vitest';
import { unless } from '../helpers/unless.ts';
import { type Credentials, makeCredentials } from './pair.ts';

let credentials: Credentials;

beforeAll(async () => {
  credentials = await makeCredentials();
});

const installed = new URL('../../build/installed/node_modules/ktls/dist/', import.meta.url);

test('an https server, and fetch', async () => {
  const { server, port } = await serveHttps();
  const ca = credentials.authority.cert;
  const dispatcher = new Agent({ connect: buildConnector({ ca }) });
  for (const length of [0, 1, 5_000_000]) {
    const body = 'x'.repeat(length);
    const response = await fetch(`https://localhost:${port}/`, { method: 'POST', body, dispatcher });
    expect(await response.text()).toBe(body);
  }
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    https.get({ port, host: 'localhost', ca, agent: false }, resolve).on('error', reject);
  });
  expect(answer.resume().statusCode).toBe(200);
  await dispatcher.close();
  server.close();
});

test('workers, each with an OpenSSL of its own', async () => {
  const { server, port } = await serveHttps();
  const program = `
    import { parentPort, threadId, workerData } from 'node:worker_threads';
    import https from ${JSON.stringify(new URL('https.js', installed).href)};
    const { port, ca } = workerData;
    const request = https.request({ port, host: 'localhost', ca, method: 'POST', agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      parentPort.postMessage(text);
    });
    request.end('worker');`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  const workers = Array.from(
    { length: 4 },
    () => new Worker(url, { workerData: { port, ca: credentials.authority.cert } }),
  );
  const messages = await Promise.all(workers.map((worker) => once(worker, 'message')));
  expect(messages.flat()).toEqual(['worker', 'worker', 'worker', 'worker']);
  for (const worker of workers) await worker.terminate();
  server.close();
});

test('the main job', async () => {
  const program = fileURLToPath(new URL('cli/main-job.js', installed));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--once', '--mib', '2']);
  expect(stdout).toContain('handshake   OpenSSL 3.5');
  expect(stdout).toContain('arrived as sent (SHA-256)');
});

test('node --import ktls/register', async () => {
  const words = ['--import', new URL('register.js', installed).href, '-p', 'typeof tls.TLSSocket.prototype.updateKeys'];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  expect(stdout.trim()).toBe('function');
});

unless(process.execArgv.includes('--no-addons') && 'no addon', test)(
  'a program of another name has the addon, too',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ktls-renamed-'));
    try {
      const renamed = join(folder, 'application.exe');
      copyFileSync(process.execPath, renamed);
      const addon = fileURLToPath(new URL('../prebuilds/win32-x64/ktls.node', installed));
      const program = `require(${JSON.stringify(addon)}).cryptography.RecordCipher.supports('aes-128-gcm')`;
      const { stdout } = await promisify(execFile)(renamed, ['-p', program]);
      expect(stdout.trim()).toBe('true');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

async function serveHttps(): Promise<{ server: http.Server; port: number }> {
  const server = https.createServer(credentials.identity, (request, response) => void request.pipe(response));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { server, port: address.port };
}
