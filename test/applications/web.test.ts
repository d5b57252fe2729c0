import { once } from 'node:events';
import https from 'node:https';
import { json } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { Application, type ApplicationOptions, runClient, stopApplications } from './application.ts';

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(stopApplications);
afterAll(() => identity.remove());

async function serve(name: string): Promise<{ server: Application; port: number }> {
  const { key, cert } = identity.files;
  const server = new Application(name, [key, cert]);
  return { server, port: await server.port() };
}

const trusting = (): ApplicationOptions => ({ environment: { NODE_EXTRA_CA_CERTS: identity.files.ca } });

describe.each([
  ['express-server', { secure: true, protocol: 'https', version: 'TLSv1.3' }],
  ['fastify-server', { version: '1.1', protocol: 'https' }],
])('%s', (name, answer) => {
  test('for fetch, undici and https under ktls/register, too', async () => {
    const { server, port } = await serve(name);
    const { answer: told, connections } = await runClient('fetch-client', [`https://localhost:${port}`], trusting());
    // Where a server has HTTP/2, undici's own Agent takes it.
    const requested = name === 'fastify-server' ? { ...answer, version: '2.0' } : answer;
    expect(told).toEqual({ fetched: answer, requested, got: answer, same: true });
    expect(connections.length).toBeGreaterThanOrEqual(3);
    expect(await server.stopAfter(connections.length)).toHaveLength(connections.length);
  });

  test('for a client with node:tls', async () => {
    const { server, port } = await serve(name);
    const agent = new https.Agent({ ca: identity.ca, keepAlive: true });
    const request = https.get({ port, host: 'localhost', agent });
    const [response] = await once(request, 'response');
    expect(await json(response)).toEqual(answer);
    agent.destroy();
    expect(await server.stopAfter(1)).toEqual([expect.stringMatching(/^ktls server of .*\(localhost\): TLSv1\.3 /)]);
  });
});

describe('ws', () => {
  test('both sides under ktls/register', async () => {
    const { server, port } = await serve('websocket-server');
    const { answer, connections } = await runClient('websocket-client', [`wss://localhost:${port}`], trusting());
    expect(answer).toEqual({ same: 6, code: 1000 });
    expect(connections).toEqual([expect.stringMatching(/^ktls client of /)]);
    expect(await server.stopAfter(1)).toEqual([expect.stringMatching(/^ktls server of /)]);
  });

  test('the server, with a client on node:tls', async () => {
    const { server, port } = await serve('websocket-server');
    const options = { ...trusting(), registered: false };
    const { answer, connections } = await runClient('websocket-client', [`wss://localhost:${port}`], options);
    expect(answer).toEqual({ same: 6, code: 1000 });
    expect(connections).toEqual([]);
    expect(await server.stopAfter(1)).toEqual([expect.stringMatching(/^ktls server of /)]);
  });
});

test.each([
  ['node:tls', false],
  ['ktls/register', true],
])('the global WebSocket with %s', async (_, registered) => {
  const { port } = await serve('websocket-server');
  const options = { ...trusting(), registered };
  const { answer, connections } = await runClient('global-websocket-client', [`wss://localhost:${port}`], options);
  expect(answer).toEqual({ same: 6, code: 1000 });
  expect(connections).toHaveLength(registered ? 1 : 0);
});

test('nodemailer to smtp-server, by STARTTLS on both sides', async () => {
  const { server, port } = await serve('smtp-server');
  const { answer, connections } = await runClient('mail-client', [port, identity.files.ca]);
  expect(answer).toEqual({ accepted: ['b@example.org'] });
  expect(await server.answer()).toMatchObject({ secure: true, version: 'TLSv1.3', length: expect.any(Number) });
  expect(connections).toEqual([expect.stringMatching(/^ktls client of /)]);
  expect(await server.stopAfter(1)).toEqual([expect.stringMatching(/^ktls server of /)]);
});

test('grpc-js, both sides', async () => {
  const { server, port } = await serve('grpc-server');
  const { answer, connections } = await runClient('grpc-client', [port, identity.files.ca]);
  expect(answer).toEqual({ same: true, sum: 500_500 });
  expect(connections).toEqual([expect.stringMatching(/^ktls client of .*TLSv1\.3/)]);
  expect(await server.stopAfter(1)).toEqual([expect.stringMatching(/^ktls server of .*TLSv1\.3/)]);
});
