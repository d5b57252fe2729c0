import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { listen } from '../helpers/listen.ts';
import { unless } from '../helpers/unless.ts';
import { type Ktls, runKtls, stopAll } from './run-ktls.ts';
import { canNameAnything, eventsIn, ServedFolder, sha256 } from './served-folder.ts';

const folder = new ServedFolder();
const [own, other] = [selfSigned(['localhost']), selfSigned(['localhost'])];
const encryption = { cipher: 'aes-256-cbc', passphrase: 'secret' };
const encrypted = createPrivateKey(own.key).export({ type: 'pkcs8', format: 'pem', ...encryption });
let ktls: Ktls;
let port: number;
let agent: Agent;

beforeAll(async () => {
  ({ ktls, port } = await folder.serve());
  agent = new Agent({ connect: { ca: folder.ca } });
}, 60_000);

afterAll(async () => {
  await agent?.close();
  await stopAll();
  folder.remove();
});

const get = (path: string, init: Parameters<typeof fetch>[1] = {}) =>
  fetch(`https://localhost:${port}${path}`, { dispatcher: agent, redirect: 'manual', ...init });

describe('ktls serve', { timeout: 60_000 }, () => {
  test('sends files as what they are', async () => {
    const response = await get('/a.txt');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).toBe('hello\n');
    expect((await get('/empty')).headers.get('content-length')).toBe('0');
    expect((await get('/inner')).status).toBe(200);
  });

  test('sends all of a big file, several times on a connection', async () => {
    for (let time = 0; time < 3; time++) {
      const body = Buffer.from(await (await get('/big.bin')).arrayBuffer());
      expect(sha256(body)).toBe(folder.bigHash);
    }
  });

  test('HEAD has the headers of GET and no body', async () => {
    const response = await get('/big.bin', { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe(String(folder.big.length));
    expect(await response.text()).toBe('');
  });

  test.each([
    ['bytes=1000000-7999999', 1_000_000, 8_000_000],
    ['bytes=-10', 8_999_991, 9_000_001],
    ['bytes=9000000-', 9_000_000, 9_000_001],
  ])('%s', async (range, start, end) => {
    const response = await get('/big.bin', { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/9000001`);
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(folder.big.subarray(start, end)));
  });

  test('a range that is not there is 416, several are answered with the whole', async () => {
    const beyond = await get('/a.txt', { headers: { range: 'bytes=6-' } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe('bytes */6');
    const several = await get('/a.txt', { headers: { range: 'bytes=0-1,3-4' } });
    expect([several.status, await several.text()]).toEqual([200, 'hello\n']);
  });

  test('what has not changed is not sent again', async () => {
    const path = join(folder.path, 'changing.txt');
    writeFileSync(path, 'one');
    const first = await get('/changing.txt');
    const [etag, modified] = ['etag', 'last-modified'].map((name) => first.headers.get(name) ?? '');
    await first.text();
    expect((await get('/changing.txt', { headers: { 'if-none-match': `${etag}` } })).status).toBe(304);
    expect((await get('/changing.txt', { headers: { 'if-modified-since': `${modified}` } })).status).toBe(304);
    writeFileSync(path, 'three');
    const second = await get('/changing.txt', { headers: { 'if-none-match': `${etag}` } });
    expect([second.status, await second.text()]).toEqual([200, 'three']);
    const stale = { 'if-range': `${etag}`, range: 'bytes=0-0' };
    expect((await get('/changing.txt', { headers: stale })).status).toBe(200);
  });

  test('lists folders, with nothing hidden or outside', async () => {
    const response = await get('/');
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain('href="./sub/"');
    for (const name of ['.git', 'out', 'up', 'hidden', 'secret']) expect(page).not.toContain(`>${name}`);
  });

  unless(!canNameAnything && 'file names are not free here', test)('lists names escaped', async () => {
    const page = await (await get('/')).text();
    expect(page).not.toContain('<img');
    expect(page).toContain('&#60;img src=x onerror=alert(1)&#62;&#38;&#34;.html');
    expect((await get('/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%26%22.html')).status).toBe(200);
  });

  test('folders: a slash at the end, an index page in place of the list', async () => {
    const response = await get('/sub');
    expect([response.status, response.headers.get('location')]).toEqual([308, '/sub/']);
    expect((await get('/sub/with%20space')).headers.get('location')).toBe('/sub/with%20space/');
    expect(await (await get('/home/')).text()).toBe('<p>home');
  });

  test.each([
    '/out',
    '/up/secret.txt',
    '/up/',
    '/../secret.txt',
    '/sub/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/sub/..%2f..%2fsecret.txt',
    '/..%5csecret.txt',
    '/.git/config',
    '/.git/',
    '/%2egit/config',
    '/hidden',
    '/.inner',
    '//etc/passwd',
    '/%zz',
    '/a.txt/',
    '/a.txt%00.html',
    'https://localhost/../secret.txt',
  ])('%s is not there', async (path) => {
    const { status, body } = await rawGet(path);
    expect(status).toBe(404);
    expect(body).not.toContain('not for you');
  });

  test('other methods are refused', async () => {
    const response = await get('/a.txt', { method: 'POST', body: 'x' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('answers pipelined requests in their order', async () => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: folder.ca });
    const paths = ['/big.bin', '/a.txt', '/nothing', '/big.bin'];
    const last = paths.length - 1;
    socket.write(
      paths
        .map((path, at) => `GET ${path} HTTP/1.1\r\nHost: x\r\n${at === last ? 'Connection: close\r\n' : ''}\r\n`)
        .join(''),
    );
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part);
    const text = Buffer.concat(parts).toString('latin1');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['200', '200', '404', '200'].map((status) => `HTTP/1.1 ${status}`));
    expect(text.endsWith(folder.big.toString('latin1'))).toBe(true);
  });

  test('a client that leaves in the middle of a file does no harm', async () => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: folder.ca });
    socket.write('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    expect(await (await get('/a.txt')).text()).toBe('hello\n');
  });

  test('tells of connections, and of those that are none', async () => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.end('GET / HTTP/1.1\r\n\r\n');
    socket.resume();
    await ktls.said(/^\{"event":"failed".*ERR_SSL/m);
    await ktls.said(/^\{"event":"secure".*"version":"TLSv1\.3"/m);
  });

  // Node.js cannot send Ctrl-C to a program on Windows, but only end it.
  unless(process.platform === 'win32' && 'not on Windows', test)(
    'Ctrl-C ends it, also while a connection is open',
    async () => {
      const served = await folder.serve('--ktls', 'off');
      const connection = new https.Agent({ ca: folder.ca, keepAlive: true });
      const request = https.get({
        port: served.port,
        host: '127.0.0.1',
        servername: 'localhost',
        path: '/a.txt',
        agent: connection,
      });
      const [response] = await once(request, 'response');
      response.resume();
      await once(response, 'end');
      served.ktls.interrupt();
      const { status, stdout, stderr } = await served.ktls.ended();
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const events = eventsIn(stdout);
      expect(events.at(-1)).toMatchObject({ event: 'ended', connections: 1, live: 0 });
      expect(events.find(({ event }) => event === 'closed')).toMatchObject({
        ...{ version: 'TLSv1.3', requests: 1, alpn: null },
        write: { layer: 'native', reason: expect.stringContaining('off') },
      });
      connection.destroy();
    },
  );

  test('--dotfiles shows what is hidden, but nothing outside', async () => {
    const served = await folder.serve('--dotfiles');
    const from = (path: string) => rawGet(path, served.port);
    expect((await from('/.git/config')).status).toBe(200);
    expect((await from('/hidden')).status).toBe(200);
    expect((await from('/.inner')).status).toBe(200);
    expect((await from('/out')).status).toBe(404);
  });
});

describe('ktls serve explains', { timeout: 60_000 }, () => {
  test.each([
    ['a folder that is not there', ['serve', '/nonexistent'], 1, /[/\\]nonexistent: there is no such file/],
    ['a file that is no folder', ['serve', process.execPath], 1, /not a folder/],
    ['two folders', ['serve', 'a', 'b'], 2, /one folder/],
    ['a port that is none', ['serve', '--port', '65536'], 2, /--port wants a whole number/],
    ['a key without certificate', ['serve', '--key', 'key.pem'], 2, /belong together/],
    ['a mode that is none', ['serve', '--ktls', 'perhaps'], 2, /auto, prefer, off, require/],
    ['an address that is not ours', ['serve', '--host', '192.0.2.1', '--port', '0'], 1, /does not have that address/],
  ])('%s', async (_what, words, status, reason) => {
    const ended = await runKtls(...words);
    expect(ended).toMatchObject({ status, stdout: '' });
    expect(ended.stderr).toMatch(reason);
  });

  test.each([
    ['an encrypted key', { key: encrypted }, /key\.pem: .* without a passphrase\n.*openssl pkey -in/],
    ['no key at all', { key: 'none' }, /key\.pem: this is no private key in PEM/],
    ['no certificate', { cert: 'none' }, /cert\.pem: this is no certificate in PEM/],
    ['the key of another certificate', { key: other.key }, /key\.pem: this key does not belong to .*cert\.pem/],
  ])('%s', async (_what, given, reason) => {
    const files = mkdtempSync(join(tmpdir(), 'ktls-serve-'));
    const [key, cert] = [join(files, 'key.pem'), join(files, 'cert.pem')];
    writeFileSync(key, 'key' in given ? given.key : own.key);
    writeFileSync(cert, 'cert' in given ? given.cert : own.cert);
    const ended = await runKtls('serve', folder.path, '--key', key, '--cert', cert);
    rmSync(files, { recursive: true });
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(reason);
  });

  test.each(['--metrics', '--inspect'])('a port for %s that is in use: nothing is served', async (option) => {
    const taken = net.createServer();
    const port = await listen(taken);
    const { status, stderr } = await runKtls('serve', folder.path, '--port', '0', option, String(port));
    expect([status, stderr]).toEqual([1, expect.stringContaining(String(port))]);
    taken.close();
  });

  test('a port that is in use', async () => {
    const ended = await runKtls('serve', folder.path, '--port', String(port));
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('--port 0 for any that is free');
  });
});

/** As it is: fetch would tidy the path up. */
async function rawGet(path: string, from = port): Promise<{ status: number; body: string }> {
  const socket = tls.connect({ port: from, host: '127.0.0.1', servername: 'localhost', ca: folder.ca });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  const [head = '', body = ''] = Buffer.concat(parts).toString('latin1').split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body };
}
