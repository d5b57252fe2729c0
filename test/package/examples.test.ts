import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import tls from 'node:tls';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { type Authority, issue, makeAuthority } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { type Installation, install, root } from './installation.ts';

let installation: Installation;
let identity: { readonly key: string; readonly cert: string };
let clients: Authority;
const running = new Set<ChildProcessWithoutNullStreams>();

beforeAll(async () => {
  installation = await install();
  const { folder } = installation;
  symlinkSync(join(root, 'node_modules/undici'), join(folder, 'node_modules/undici'));
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  mkdirSync(join(folder, 'public'));
  writeFileSync(join(folder, 'public/index.html'), 'a page'.repeat(50_000));
  identity = { key: file('key.pem'), cert: file('cert.pem') };
  clients = await makeAuthority();
  writeFileSync(join(folder, 'clients.pem'), clients.cert);
}, 240_000);

afterEach(() => {
  for (const child of running) child.kill();
  running.clear();
});
afterAll(() => installation?.remove());

test('there is a test for each', () => {
  const names = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.mjs'));
  expect(names).toEqual([
    'capture.mjs',
    'https-files.mjs',
    'kernel-only.mjs',
    'many-cores.mjs',
    'mutual-tls.mjs',
    'pinned-key.mjs',
    'smtp-starttls.mjs',
  ]);
});

test('https-files.mjs', async () => {
  const serving = start('https-files.mjs', 'public', '0');
  const [port] = await said(serving.stdout, /localhost:(\d+)\//);
  expect(await get(Number(port), '/index.html')).toBe('a page'.repeat(50_000));
});

test('pinned-key.mjs', async () => {
  const server = https.createServer(identity, (_, response) => response.end('pinned'));
  const url = `https://localhost:${await listen(server)}/`;
  const key = new X509Certificate(identity.cert).publicKey.export({ type: 'spki', format: 'der' });
  const pin = createHash('sha256').update(key).digest('base64');
  expect(await ended(start('pinned-key.mjs', url, 'cert.pem', pin))).toMatchObject({ code: 0, output: '200 6\n' });
  const other = await ended(start('pinned-key.mjs', url, 'cert.pem', pin.toLowerCase()));
  expect(other).toMatchObject({ code: 1, errors: expect.stringContaining('is another one') });
  server.close();
});

test('smtp-starttls.mjs', async () => {
  const server = new SMTPServer({ ...identity, authOptional: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { code, output } = await ended(start('smtp-starttls.mjs', 'localhost', String(port), 'cert.pem'));
  expect(code).toBe(0);
  expect(output).toMatch(/^TLSv1\.3\n250-/);
  await new Promise<void>((resolve) => server.close(resolve));
});

test('mutual-tls.mjs', async () => {
  const serving = start('mutual-tls.mjs', 'clients.pem', '0');
  const [port] = await said(serving.stdout, /listening on (\d+)/);
  const client = await issue(clients, { usage: 'client' });
  const visit = async (options: tls.ConnectionOptions): Promise<string> => {
    const socket = tls.connect({ port: Number(port), host: 'localhost', ca: file('cert.pem'), ...options });
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    await once(socket, 'close').catch((error) => {
      text = error.code;
    });
    return text;
  };
  expect(await visit(client)).toMatch(/^hello, /);
  expect(await visit({})).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET/);
  const renewed = selfSigned(['localhost']);
  writeFileSync(join(installation.folder, 'cert.pem'), renewed.cert);
  serving.kill('SIGHUP');
  await said(serving.stderr, /(the old credentials stay)/);
  writeFileSync(join(installation.folder, 'key.pem'), renewed.key);
  serving.kill('SIGHUP');
  await said(serving.stdout, /(new credentials)/);
  expect(await visit(client)).toMatch(/^hello, /);
  for (const [name, text] of [['key.pem', identity.key] as const, ['cert.pem', identity.cert] as const])
    writeFileSync(join(installation.folder, name), text);
});

test.each(['cluster', 'threads'])('many-cores.mjs %s', async (kind) => {
  const serving = start('many-cores.mjs', kind, '2', '0');
  const [port] = await said(serving.stdout, /listening on (\d+)/);
  let session: Buffer | undefined;
  const seen = { resumed: 0, by: new Set<string>() };
  for (let visit = 0; visit < 20; visit++) {
    const where = { port: Number(port), host: 'localhost', ca: file('cert.pem') };
    const socket = tls.connect({ ...where, ...(session && { session }) });
    socket.on('session', (told) => {
      session = told;
    });
    socket.on('data', (text) => seen.by.add(String(text)));
    socket.on('secureConnect', () => {
      if (socket.isSessionReused()) seen.resumed++;
    });
    await once(socket, 'close');
  }
  expect(seen.resumed).toBe(19);
  expect(seen.by.size).toBe(2);
});

test('capture.mjs', async () => {
  const server = https.createServer(identity, (_, response) => response.end('captured'));
  const port = await listen(server);
  const { code, output } = await ended(start('capture.mjs', 'localhost', String(port), 'cert.pem'));
  expect(code).toBe(0);
  expect(output).toContain('client: GET / HTTP/1.1');
  expect(output).toContain('server: HTTP/1.1 200 OK');
  server.close();
});

test('kernel-only.mjs', async () => {
  const server = tls.createServer(identity, (socket) => socket.on('error', () => {}).resume());
  const port = await listen(server);
  const { code, output, errors } = await ended(start('kernel-only.mjs', 'localhost', String(port), 'cert.pem'));
  // Whether there is kernel TLS is the machine's matter.
  if (code === 0) expect(output).toMatch(/kernel/);
  else expect(errors).toContain('ERR_KTLS_REQUIRED');
  server.close();
});

function start(name: string, ...words: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [join('examples', name), ...words], { cwd: installation.folder });
  running.add(child);
  return child;
}

/** What the groups of `pattern` find, as soon as they do. */
async function said(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string[]> {
  for await (const line of createInterface(stream)) {
    const found = pattern.exec(line);
    if (found) return found.slice(1);
  }
  throw new Error(`nothing was said like ${pattern}`);
}

async function ended(
  child: ChildProcessWithoutNullStreams,
): Promise<{ code: unknown; output: string; errors: string }> {
  const texts = { output: '', errors: '' };
  child.stdout.on('data', (data) => {
    texts.output += data;
  });
  child.stderr.on('data', (data) => {
    texts.errors += data;
  });
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

function file(name: string): string {
  return readFileSync(join(installation.folder, name), 'utf8');
}

function get(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get({ port, host: 'localhost', path, ca: file('cert.pem'), agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more) => {
        text += more;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}
