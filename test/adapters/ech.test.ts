import { execFile } from 'node:child_process';
import { once } from 'node:events';
import nodeHttps from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { type GeneratedEchKey, generateEchKey } from '../../src/ech.ts';
import * as http2 from '../../src/http2.ts';
import * as https from '../../src/https.ts';
import { connect, TLSSocket } from '../../src/index.ts';
import { buildConnector } from '../../src/undici.ts';
import { listen } from '../helpers/listen.ts';

const identity = selfSigned(['localhost', 'outer.example']);
let key: GeneratedEchKey;
let server: ReturnType<typeof http2.createSecureServer>;
let port: number;
/** What our side of a connection has of its hello, as the server sees it. */
const seen: unknown[] = [];

beforeAll(async () => {
  key = generateEchKey({ publicName: 'outer.example' });
  const options = { ...identity, allowHTTP1: true, ech: { keys: key.pem } };
  server = http2.createSecureServer(options, (_request, response) => void response.end('hello'));
  server.on('secureConnection', (socket) => seen.push(socket instanceof TLSSocket && socket.ech?.status));
  port = await listen(server);
});

afterAll(async () => {
  server.close();
  await once(server, 'close');
});

function expectAccepted(): void {
  expect(seen.splice(0)).toEqual(['accepted']);
}

test('ktls/https', async () => {
  const agent = new https.Agent({ ca: identity.cert, ech: { configs: key.configs } });
  const request = https.get({ host: 'localhost', port, agent });
  const [response] = await once(request, 'response');
  expect(await text(response)).toBe('hello');
  agent.destroy();
  expectAccepted();
});

test('ktls/http2', async () => {
  const session = http2.connect(`https://localhost:${port}`, { ca: identity.cert, ech: { configs: key.configs } });
  const stream = session.request({ ':path': '/' });
  expect(await text(stream)).toBe('hello');
  session.close();
  expectAccepted();
});

test('a rejection says what to try instead, also where a request was written already', async () => {
  const { configs } = generateEchKey({ publicName: 'outer.example' });
  const ech = { configs };
  const request = https.get({ host: 'localhost', port, ca: identity.cert, agent: false, ech });
  const session = http2.connect(`https://localhost:${port}`, { ca: identity.cert, ech });
  session.request({ ':path': '/' }).on('error', () => {});
  const socket = connect({ host: 'localhost', port, ca: identity.cert, ech });
  socket.write('early', () => {});
  const told = await Promise.all([request, session, socket].map((one) => once(one, 'error')));
  for (const [error] of told) expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', retryConfigs: key.configs });
  seen.splice(0);
});

test('ktls/undici', async () => {
  const dispatcher = new Agent({ connect: buildConnector({ ca: identity.cert, ech: { configs: key.configs } }) });
  const response = await fetch(`https://localhost:${port}/`, { dispatcher });
  expect(await response.text()).toBe('hello');
  await dispatcher.close();
  expectAccepted();
});

test('node:tls and node:https under ktls/register', async () => {
  const register = new URL('../../src/register.ts', import.meta.url).href;
  const program = `
    const https = require('node:https');
    const ech = { configs: '${key.configs.toString('base64')}' };
    https.get({ host: 'localhost', port: ${port}, ca: ${JSON.stringify(identity.cert)}, ech }, (response) => {
      console.log(response.socket.ech.status);
      response.resume();
    });`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--import', register, '--input-type=commonjs', '-e', program]);
  expect(stdout).toBe('accepted\n');
  expectAccepted();
});

describe('where node:tls would make the connection, and show the name', () => {
  const ech = { configs: 'AAAA' };

  test('an agent of node:https is refused', () => {
    const agent = new nodeHttps.Agent();
    expect(() => https.get({ host: 'localhost', port, agent, ech })).toThrow(
      expect.objectContaining({ code: 'ERR_KTLS_ECH_UNAVAILABLE' }),
    );
  });

  test.each(['of the agent', 'of the request'])('an agent with a proxy is refused, by the option %s', async (where) => {
    const accepted: unknown[] = [];
    const proxy = net.createServer((socket) => accepted.push(socket.destroy()));
    const proxyEnv = { HTTPS_PROXY: `http://127.0.0.1:${await listen(proxy)}` };
    const agent = new https.Agent({ proxyEnv, ...(where === 'of the agent' && { ech }) });
    const outcome = new Promise((resolve) => {
      try {
        const options = { host: 'secret.example', port, agent, ...(where === 'of the request' && { ech }) };
        https.get(options).on('error', resolve);
      } catch (error) {
        resolve(error);
      }
    });
    expect(await outcome).toMatchObject({ code: 'ERR_KTLS_ECH_UNAVAILABLE' });
    expect(accepted).toEqual([]);
    proxy.close();
  });
});
