import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/cli/address.ts';
import { printable } from '../../src/cli/printable.ts';
import { daysFromNow, issue, makeAuthority } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { Ktls, runKtls, stopAll } from './run-ktls.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-connect-'));
const ca = join(folder, 'ca.pem');
const servers: net.Server[] = [];
let authority: Awaited<ReturnType<typeof makeAuthority>>;
/** Says what it has received, in capitals, when the client has ended. */
let shouting: number;

beforeAll(async () => {
  authority = await makeAuthority({ commonName: 'Root' });
  writeFileSync(ca, authority.cert);
  const middle = await makeAuthority({ commonName: 'Middle', issuer: authority });
  const { cert, key } = await issue(middle);
  shouting = await serve({ cert: cert + middle.cert, key, ALPNProtocols: ['shout'] }, (socket) => {
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.on('end', () => socket.end(heard.toUpperCase()));
  });
});

afterAll(async () => {
  await stopAll();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function serve(options: tls.TlsOptions, talk: (socket: tls.TLSSocket) => void): Promise<number> {
  const server = tls.createServer({ allowHalfOpen: true, ...options }, (socket) => {
    socket.on('error', () => {});
    talk(socket);
  });
  servers.push(server);
  return listen(server);
}

async function connectWith(words: readonly string[], input = '') {
  const ktls = new Ktls(['connect', ...words]);
  ktls.child.stdin.end(input);
  return ktls.ended();
}

describe('ktls connect', { timeout: 60_000 }, () => {
  test('sends stdin, writes what comes to stdout, and tells on stderr who it is', async () => {
    const words = [`localhost:${shouting}`, '--ca', ca, '--alpn', 'other,shout'];
    const { status, stdout, stderr } = await connectWith(words, 'hello\n');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'HELLO\n' });
    expect(stderr).toMatch(/^ {2}version {5}TLSv1\.3$/m);
    expect(stderr).toMatch(/^ {2}suite {7}TLS_AES_\w+$/m);
    expect(stderr).toMatch(/^ {2}ALPN {8}shout$/m);
    expect(stderr).toMatch(/^ {2}time {8}name [\d.]+ m?s, TCP [\d.]+ m?s, TLS [\d.]+ m?s$/m);
    expect(stderr).toMatch(/^ {2}session {5}new$/m);
    expect(stderr).toMatch(/^ {2}records {5}this side sends: \w+, receives: \w+$/m);
    expect(stderr).toMatch(/^ {2}certificate CN=localhost\n {14}for DNS:localhost, /m);
    expect(stderr).toMatch(/^ {2}issuer 1 {4}CN=Middle$[\s\S]*^ {2}issuer 2 {4}CN=Root$[\s\S]*signed by itself/m);
    expect(stderr).toMatch(/^ {2}verified {4}yes, as localhost$/m);
    expect(stderr).not.toContain('\x1b');
  });

  test('by address, with the name given', async () => {
    const words = [`127.0.0.1:${shouting}`, '--ca', ca, '--servername', 'localhost', '--tls1.2'];
    const { status, stdout, stderr } = await connectWith(words, 'x');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'X' });
    expect(stderr).toMatch(/^ {2}version {5}TLSv1\.2$/m);
    expect(stderr).toMatch(/^ {2}time {8}TCP /m);
  });

  test.each([
    ['TLSv1.2', '--tls1.2'],
    ['TLSv1.3', '--tls1.3'],
  ])('--json tells the same for programs, and the session is resumed: %s', async (version, option) => {
    const { status, stdout } = await connectWith([`localhost:${shouting}`, '--ca', ca, '--json', '--resume', option]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ version, authorized: true, problem: null, alpn: null, servername: 'localhost' },
      session: { reused: true, offered: true },
      recordLayer: { read: expect.any(String), write: expect.any(String) },
      milliseconds: { tcp: expect.any(Number), tls: expect.any(Number) },
    });
  });

  test('the whole chain in JSON', async () => {
    const { stdout } = await connectWith([`localhost:${shouting}`, '--ca', ca, '--json']);
    const subjects = JSON.parse(stdout).chain.map(({ subject }: { subject: string }) => subject);
    expect(subjects).toEqual(['CN=localhost', 'CN=Middle', 'CN=Root']);
  });

  test('--crlf makes lines as protocols have them', async () => {
    const { stdout } = await connectWith([`localhost:${shouting}`, '--ca', ca, '--crlf'], 'a\nb\r\n\nc');
    expect(stdout).toBe('A\r\nB\r\n\r\nC');
  });

  test('--wait does not end when stdin does', async () => {
    const patient = await serve(await issue(authority), (socket) => {
      let ended = false;
      socket.on('end', () => {
        ended = true;
      });
      // Longer than an end on its way would take.
      socket.once('data', () => setTimeout(() => socket.end(ended ? 'ended' : 'waited'), 500));
    });
    const { status, stdout } = await connectWith([`localhost:${patient}`, '--ca', ca, '--wait'], 'x');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'waited' });
  });

  test('ends when the server does, also while stdin is open', async () => {
    const brief = await serve(await issue(authority), (socket) => socket.end('bye'));
    const ktls = new Ktls(['connect', `localhost:${brief}`, '--ca', ca]);
    expect(await ktls.ended()).toMatchObject({ status: 0, stdout: 'bye' });
  });

  test('sends a certificate where one is wanted', async () => {
    const wanting = await serve({ ...(await issue(authority)), ca: authority.cert, requestCert: true }, (socket) => {
      socket.end(String(socket.getPeerCertificate().subject.CN));
    });
    const { cert, key } = await issue(authority, { usage: 'client', commonName: 'me' });
    writeFileSync(join(folder, 'me.pem'), cert);
    writeFileSync(join(folder, 'me-key.pem'), key);
    const own = ['--cert', join(folder, 'me.pem'), '--key', join(folder, 'me-key.pem')];
    expect(await connectWith([`localhost:${wanting}`, '--ca', ca, ...own])).toMatchObject({ status: 0, stdout: 'me' });
    expect(await connectWith([`localhost:${wanting}`, '--ca', ca])).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('a server that is not to be trusted', { timeout: 60_000 }, () => {
  test.each([
    ['an unknown issuer', {}, [], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', '--ca FILE'],
    ['another name', {}, ['--ca', ca, '--servername', 'example.org'], 'ERR_TLS_CERT_ALTNAME_INVALID', '--servername'],
    ['expired', { validTo: daysFromNow(-0.5) }, ['--ca', ca], 'CERT_HAS_EXPIRED', 'renewed'],
  ])('%s: it is sent nothing', async (_what, identity, words, code, advice) => {
    const heard: Buffer[] = [];
    const server = await serve(await issue(authority, identity), (socket) => {
      socket.on('data', (part) => heard.push(part)).on('end', () => socket.end());
    });
    const { status, stdout, stderr } = await connectWith([`localhost:${server}`, ...words], 'secret');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^ {2}verified {4}no: /m);
    expect(stderr).toContain(code);
    expect(stderr).toContain(advice);
    expect(heard).toEqual([]);
    const json = await connectWith([`localhost:${server}`, ...words, '--json']);
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ authorized: false, problem: { code } });
    expect(await connectWith([`localhost:${server}`, ...words, '--insecure'], 'x')).toMatchObject({ status: 0 });
    expect(Buffer.concat(heard).toString()).toBe('x');
  });

  test('is not trusted when it resumes a session either', async () => {
    const words = [`localhost:${shouting}`, '--ca', ca, '--servername', 'example.org', '--resume', '--json'];
    const { status, stdout } = await connectWith(words);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      session: { reused: true },
      problem: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
  });

  test('cannot steer the terminal', async () => {
    const server = await serve(await issue(undefined, { commonName: 'a\x1b[2Jb\u202ec' }), (socket) => socket.end());
    const { stderr } = await connectWith([`localhost:${server}`, '--insecure']);
    expect(stderr).toMatch(/^ {2}certificate CN=a\\1B\[2Jb\\u\{202e\}c$/m);
    expect(stderr).not.toContain('\x1b');
  });
});

describe('ktls connect explains', { timeout: 60_000 }, () => {
  test('that nothing listens', async () => {
    const server = net.createServer();
    const port = await listen(server);
    server.close();
    const { status, stderr } = await connectWith([`localhost:${port}`]);
    expect(status).toBe(1);
    expect(stderr).toContain(`localhost:${port}: nothing listens there`);
  });

  test('that the other side speaks no TLS', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}).end('220 ready\r\n'));
    servers.push(server);
    const { status, stderr } = await connectWith([`localhost:${await listen(server)}`]);
    expect(status).toBe(1);
    expect(stderr).toContain('does not speak TLS');
  });

  test('that there is no common version', async () => {
    const server = await serve({ ...(await issue(authority)), maxVersion: 'TLSv1.2' }, (socket) => socket.end());
    const { status, stderr } = await connectWith([`localhost:${server}`, '--tls1.3']);
    expect(status).toBe(1);
    expect(stderr).toContain('no version of TLS that both sides want');
  });

  test('that there is no answer', async () => {
    const silent = net.createServer((socket) => socket.on('error', () => {}));
    servers.push(silent);
    const { status, stderr } = await connectWith([`localhost:${await listen(silent)}`, '--timeout', '1']);
    expect(status).toBe(1);
    expect(stderr).toContain('no secure connection after 1 s');
  });

  test.each([
    [['connect']],
    [['connect', 'a', 'b']],
    [['connect', 'a:b']],
    [['connect', 'a:0']],
    [['connect', 'a:65536']],
    [['connect', 'a', '--timeout', 'soon']],
    [['connect', 'a', '--cert', 'x']],
    [['connect', 'a', '--ktls', 'x']],
  ])('%j is wrong usage', async (words) => {
    expect(await runKtls(...words)).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('an address', () => {
  test.each([
    ['example.com', { host: 'example.com', port: 443 }],
    ['example.com:8443', { host: 'example.com', port: 8443 }],
    ['https://example.com:1/', { host: 'example.com', port: 1 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
    ['[fe80::1%eth0]', { host: 'fe80::1%eth0', port: 443 }],
    ['::1', { host: '::1', port: 443 }],
    ['192.0.2.1:5', { host: '192.0.2.1', port: 5 }],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });
});

test('what is printable stays as it is', () => {
  expect(printable('CN=Zoë Ångström 東京, O=A & B')).toBe('CN=Zoë Ångström 東京, O=A & B');
  expect(printable('a\nb\u2028c\u200d')).toBe('a\\u{000a}b\\u{2028}c\\u{200d}');
});
