import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issue, makeAuthority } from '../helpers/certificates.ts';

const run = promisify(execFile);
const register = new URL('../../src/register.ts', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'ktls-register-'));

beforeAll(async () => {
  const authority = await makeAuthority();
  const identity = await issue(authority);
  const files = { 'ca.pem': authority.cert, 'cert.pem': identity.cert, 'key.pem': identity.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
// Windows keeps a folder for a while that was the current one of a program.
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));

/** Runs a program in the folder; what it writes. */
async function node(
  name: string,
  source: string,
  options: { words?: readonly string[]; environment?: Record<string, string> } = {},
): Promise<{ stdout: string; lines: readonly string[] }> {
  const { words = ['--import', register], environment } = options;
  writeFileSync(join(folder, name), source);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), ...environment };
  const { stdout, stderr } = await run(process.execPath, ['--no-warnings', ...words, name], { cwd: folder, env });
  const said = stderr.split('\n').filter((line) => line !== '');
  expect(said.filter((line) => !line.startsWith('ktls '))).toEqual([]);
  return { stdout: stdout.trim(), lines: said };
}

describe('ktls/register', { timeout: 60_000 }, () => {
  test.each([
    ['require', 'a.cjs', `const tls = require('node:tls'); const { connect, TLSSocket, Server } = require('tls');`],
    ['import', 'b.mjs', `import tls, { connect, TLSSocket, Server } from 'node:tls';`],
    ['import()', 'c.mjs', `const { default: tls, connect, TLSSocket, Server } = await import('tls');`],
    ['getBuiltinModule', 'd.cjs', `const tls = process.getBuiltinModule('tls'), { connect, TLSSocket, Server } = tls;`],
  ])('by %s', async (_how, name, statement) => {
    const { stdout } = await node(
      name,
      `${statement}
      console.log(typeof TLSSocket.prototype.updateKeys, connect === tls.connect,
        tls.createServer() instanceof Server, new TLSSocket().recordLayer.read);`,
    );
    expect(stdout).toBe('function true true wasm');
  });

  test('--tls-keylog and --trace-tls, of the command line and of NODE_OPTIONS', async () => {
    const program = `const tls = require('tls');
      const { existsSync, readFileSync } = require('fs');
      process.removeAllListeners('warning').on('warning', ({ message }) => process.stdout.write(message.slice(0, 22) + '; '));
      const server = tls.createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
      server.listen(0, '127.0.0.1', () => {
        const socket = tls.connect({ port: server.address().port, host: 'localhost' }, () => {
          socket.end();
          server.close();
        });
      });
      process.on('exit', () => {
        const { TLSSocket } = tls;
        const traced = process.argv[2] === 'traced';
        const lines = traced ? [] : readFileSync('flag-' + process.argv[2] + '.log', 'utf8').split('\\n');
        const whole = lines.filter((line) => /^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$/.test(line));
        console.log('updateKeys' in TLSSocket.prototype, [...new Set(whole.map((line) => line.split(' ')[0]))].sort().join());
      });`;
    writeFileSync(join(folder, 'flags.cjs'), program);
    const told = async (
      which: string,
      words: readonly string[],
      environment: object,
    ): Promise<{ out: string; err: string }> => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), ...environment };
      const { stdout, stderr } = await run(process.execPath, [...words, 'flags.cjs', which], { cwd: folder, env });
      return { out: stdout.replaceAll('ktls', ''), err: stderr };
    };
    const flag = (which: string): string[] => ['--tls-keylog', `flag-${which}.log`];
    const plain = await told('node', flag('node'), {});
    const ours = await told('ours', [...flag('ours'), '--import', register], {});
    const labelsOf = (out: string): string[] => out.trim().split(' ').at(-1)?.split(',') ?? [];
    // node:tls has several lines written at once, of which Wine makes pieces.
    if (process.platform !== 'win32') expect(ours.out).toBe(plain.out.replace('false', 'true'));
    expect(labelsOf(ours.out)).toEqual([
      ...['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0', 'EXPORTER_SECRET'],
      ...['SERVER_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_TRAFFIC_SECRET_0'],
    ]);
    const byEnvironment = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --tls-keylog="flag-environment.log"` };
    const environment = await told('environment', ['--import', register], byEnvironment);
    expect(environment.out).toBe(ours.out);
    const traced = await told('traced', ['--trace-tls', '--import', register], {});
    expect(traced.out).toMatch(/^Enabling --trace-tls c; /);
    expect(traced.err).toMatch(/ClientHello/);
  });

  test.each(['--use-openssl-ca', '--openssl-config=none.cnf'])('%s is not heeded, which is said', async (word) => {
    const program = `process.removeAllListeners('warning').on('warning', ({ code, message }) => console.log(code, message.split(' ')[0]));`;
    const { stdout } = await node('said.cjs', program, { words: [word, '--import', register] });
    expect(stdout).toBe(`KTLS_NODE_OPTION ${word.split('=')[0]}`);
  });

  test('--tls-cipher-list with no suite that is known: told to who makes a context, and to nobody else', async () => {
    const program = `const tls = require('tls');
      const told = [tls.DEFAULT_CIPHERS];
      try { tls.createSecureContext(); } catch ({ code }) { told.push(code); }
      console.log(told.join());`;
    const words = ['--tls-cipher-list=NONE-SUCH'];
    const theirs = await node('list.cjs', program, { words });
    const ours = await node('list.cjs', program, { words: [...words, '--import', register] });
    expect(ours.stdout).toBe(theirs.stdout);
    expect(ours.stdout).toBe('NONE-SUCH,ERR_SSL_NO_CIPHER_MATCH');
  });

  test('a socket is destroyed under its HTTP/2 session, which then says goodbye', async () => {
    const program = `const http2 = require('http2'), tls = require('tls'), { readFileSync } = require('fs');
      const server = http2.createSecureServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
      server.on('secureConnection', (socket) => socket.on('end', () => {
        socket.destroy();
        setImmediate(() => server.close(() => console.log('server closed')));
      }));
      server.on('stream', (stream) => stream.on('error', () => {}).on('close', () => console.log('stream closed')));
      server.listen(0, '127.0.0.1', () => {
        const options = { port: server.address().port, host: 'localhost', ALPNProtocols: ['h2'] };
        const frames = ['000000040000000000', '000006010500000001828684410161'];
        const opening = ['PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', ...frames.map((frame) => Buffer.from(frame, 'hex'))];
        const client = tls.connect(options, () => client.end(Buffer.concat(opening.map((part) => Buffer.from(part)))));
        client.resume();
      });`;
    const theirs = await node('destroyed.cjs', program, { words: [] });
    const ours = await node('destroyed.cjs', program);
    expect(ours.stdout).toBe(theirs.stdout);
    expect(ours.stdout).toBe('server closed\nstream closed');
  });

  test.each(['TLSv1.2', 'TLSv1.3'])('%s: a server sends the issuers that it trusts by default', async (version) => {
    // Who trusts nobody is told whether there was an issuer.
    const program = `const tls = require('tls'), { readFileSync } = require('fs');
      const cert = readFileSync('cert.pem');
      const told = [];
      const ask = (options) => new Promise((resolve) => {
        const server = tls.createServer({ key: readFileSync('key.pem'), cert, maxVersion: '${version}', ...options });
        server.listen(0, '127.0.0.1', () => {
          const { port } = server.address();
          const socket = tls.connect({ port, host: 'localhost', ca: cert, rejectUnauthorized: false }, () => {
            told.push(socket.authorizationError);
            socket.end();
            server.close(resolve);
          });
        });
      });
      (async () => {
        await ask({});
        await ask({ requestCert: true, rejectUnauthorized: false });
        await ask({ ca: cert });
        await ask({ cert: cert + readFileSync('ca.pem') });
        console.log(told.join());
      })();`;
    const theirs = await node('issuers.cjs', program, { words: [] });
    const ours = await node('issuers.cjs', program);
    expect(ours.stdout).toBe(theirs.stdout);
    const sent = 'SELF_SIGNED_CERT_IN_CHAIN';
    expect(ours.stdout.split(',')).toEqual([sent, sent, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', sent]);
  });

  test('mocks and spies on the module', async () => {
    const source = `import { mock } from 'node:test';
      import tls from 'node:tls';
      const plain = Object.entries(Object.getOwnPropertyDescriptors(tls))
        .filter(([name, { value, writable, configurable }]) => name !== 'rootCertificates' && !(writable && configurable))
        .map(([name]) => name);
      const mocked = ['connect', 'createServer', 'createSecureContext', 'checkServerIdentity', 'Server', 'TLSSocket']
        .map((name) => mock.method(tls, name, () => { throw new Error(name); }));
      const told = [];
      try { tls.connect({ port: 1 }); } catch ({ message }) { told.push(message); }
      mock.restoreAll();
      mock.method(tls, 'createSecureContext', () => { throw new Error('context'); });
      try { tls.createServer({}); } catch ({ message }) { told.push(message); }
      console.log(JSON.stringify({ plain, told, calls: mocked.map((each) => each.mock.callCount()) }));`;
    const [ours, theirs] = [await node('mock.mjs', source), await node('mock.mjs', source, { words: [] })];
    expect(JSON.parse(ours.stdout)).toEqual(JSON.parse(theirs.stdout));
    expect(JSON.parse(ours.stdout)).toMatchObject({ plain: [], told: ['connect', 'context'] });
  });

  test('what a program assigns to node:tls counts', async () => {
    const { stdout } = await node(
      'assign.cjs',
      `const tls = require('tls');
      tls.DEFAULT_MAX_VERSION = 'TLSv1.2';
      const { readFileSync } = require('fs');
      const server = tls.createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
      server.listen(0, '127.0.0.1', () => {
        const socket = tls.connect({ port: server.address().port, host: 'localhost' }, () => {
          console.log(tls.DEFAULT_MAX_VERSION, socket.getProtocol(), 'ktlsSend' in socket);
          socket.end();
          server.close();
        });
      });`,
    );
    expect(stdout).toBe('TLSv1.2 TLSv1.2 true');
  });

  test('a checkServerIdentity that a program assigns is asked by https and fetch', async () => {
    const { stdout } = await node(
      'pin.cjs',
      `const tls = require('tls'), https = require('https'), { readFileSync } = require('fs');
      tls.checkServerIdentity = (name) => Object.assign(new Error(name), { code: 'PINNED' });
      const server = https.createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
      server.listen(0, '127.0.0.1', async () => {
        const url = 'https://localhost:' + server.address().port;
        await new Promise((resolve) => https.get(url).on('error', (error) => resolve(console.log(error.code))));
        await fetch(url).catch((error) => console.log(error.cause.code));
        server.close();
      });`,
    );
    expect(stdout).toBe('PINNED\nPINNED');
  });

  test('agents of node:https keep connections with other options of ours apart', async () => {
    const { stdout } = await node(
      'apart.cjs',
      `const https = require('https'), { readFileSync } = require('fs');
      const server = https.createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }, (_, to) => to.end());
      const agent = new https.Agent({ keepAlive: true });
      const get = (options) => new Promise((resolve, reject) => {
        https.get({ host: 'localhost', port: server.address().port, agent, ...options }, (from) => {
          const { socket } = from;
          from.resume().on('end', () => setImmediate(resolve, socket));
        }).on('error', reject);
      });
      server.listen(0, '127.0.0.1', async () => {
        const [plain, exporting, again] = [await get({}), await get({ exportKeys: true }), await get({})];
        console.log(plain === exporting, plain === again);
        agent.destroy();
        server.close();
      });`,
    );
    expect(stdout).toBe('false true');
  });

  test('https, http2 and fetch', async () => {
    const { stdout, lines } = await node('web.mjs', web, { environment: { KTLS_DEBUG: '1' } });
    expect(stdout).toBe('1.1 true\n1.1 true\n2.0 true h2 true localhost');
    expect(lines).toHaveLength(6);
    const sides = lines.map((line) => /^ktls (client|server) of 127\.0\.0\.1:\d+ \(localhost\): /.exec(line)?.[1]);
    expect(sides.sort()).toEqual(['client', 'client', 'client', 'server', 'server', 'server']);
    for (const line of lines) expect(line).toMatch(/: TLSv1\.3 TLS_AES_256_GCM_SHA384, sends (and receives )?by \w+/);
  });

  test('KTLS_DEBUG says why the kernel is not used, and why a connection failed', async () => {
    const environment = { KTLS_DEBUG: '1', KTLS: 'off', NODE_EXTRA_CA_CERTS: '' };
    const { stdout, lines } = await node(
      'failing.mjs',
      web.replace(
        /const request = [\s\S]*/,
        `https.get({ port, host: 'localhost' }).on('error', ({ code }) => {
          console.log(code);
          first.close();
        });`,
      ),
      { environment },
    );
    expect(stdout).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(lines).toContainEqual(
      expect.stringMatching(/^ktls client of .* \(localhost\): failed, UNABLE_TO_VERIFY_LEAF_SIGNATURE$/),
    );
  });

  test('nothing is said without KTLS_DEBUG', async () => {
    expect((await node('quiet.mjs', web)).lines).toEqual([]);
  });

  test('workers, forked and other child processes', async () => {
    const tell = `console.log(new (require('tls').TLSSocket)().ktlsSend)`;
    const source = `
      const { execFileSync, fork } = require('child_process');
      const { once } = require('events');
      const { Worker, isMainThread } = require('worker_threads');
      (async () => {
        if (process.argv[2] === 'child' || !isMainThread) { ${tell}; return; }
        await once(new Worker(__filename), 'exit');
        await once(fork(__filename, ['child']), 'exit');
        process.stdout.write(execFileSync(process.execPath, [__filename, 'child'], { encoding: 'utf8' }));
      })();`;
    const byOptions = await node('family.cjs', source, {
      words: [],
      environment: { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --no-warnings --import ${register}` },
    });
    expect(byOptions.stdout).toBe('false\nfalse\nfalse');
    const byArgument = await node('family.cjs', source);
    expect(byArgument.stdout).toBe('false\nfalse\nundefined');
  });

  test('without it nothing is ours', async () => {
    const { stdout } = await node('none.cjs', `console.log(new (require('tls').TLSSocket)().ktlsSend)`, { words: [] });
    expect(stdout).toBe('undefined');
  });

  test('also where https and http2 were loaded before, and by --require', async () => {
    writeFileSync(join(folder, 'early.cjs'), "require('https'); require('http2');");
    const words = ['--require', './early.cjs', '--require', fileURLToPath(register)];
    expect((await node('late.mjs', web, { words })).stdout).toBe('1.1 true\n1.1 true\n2.0 true h2 true localhost');
  });
});

/** A server for HTTP/1.1 and one for HTTP/2, asked by https, fetch and http2. */
const web = `
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';

const identity = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const tell = (request, response) => response.end(request.httpVersion + ' ' + ('recordLayer' in request.socket));
const start = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};
const first = https.createServer(identity, tell);
const second = http2.createSecureServer(identity, tell);
const port = await start(first);
const read = async (stream) => Buffer.concat(await stream.toArray()).toString();

const request = https.get({ port, host: 'localhost', agent: false });
const [answer] = await once(request, 'response');
console.log(await read(answer));

console.log(await (await fetch('https://localhost:' + port)).text());

const session = http2.connect('https://localhost:' + (await start(second)));
const told = await read(session.request({ ':path': '/' }));
console.log(told, session.alpnProtocol, session.socket.authorized, session.socket.servername);
session.close();
first.close();
first.closeAllConnections();
second.close();
`;
