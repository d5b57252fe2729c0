import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import tls, { probe, type TLSSocket } from 'ktls';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Credentials, dial, makeCredentials, pipeName, serve } from './pair.ts';

let credentials: Credentials;

beforeAll(async () => {
  credentials = await makeCredentials();
});

test('the addon is there, unless it is forbidden; the reason why there is no kernel TLS is told', () => {
  expect(process.platform).toBe('win32');
  const isForbidden = process.execArgv.includes('--no-addons');
  const why = isForbidden ? /^no native addon on win32-x64: Cannot load native addon/ : /^kernel TLS is Linux only$/;
  expect(probe().refused).toMatch(why);
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (maxVersion) => {
  test('64 MB each way at once', async () => {
    const accepted: TLSSocket[] = [];
    const { address } = await serve(credentials, (socket) => accepted.push(socket));
    const client = dial(credentials, address, { maxVersion });
    await once(client, 'secureConnect');
    expect([client.getProtocol(), client.authorized]).toEqual([maxVersion, true]);
    expect(client.recordLayer).toMatchObject({ read: 'native', write: 'native' });
    while (accepted.length === 0) await new Promise(setImmediate);
    const [server] = accepted;
    if (!server) throw new Error('no connection');
    const [up, down, sentUp, sentDown] = await Promise.all([
      received(server),
      received(client),
      send(client, 64_000_000, 1),
      send(server, 64_000_000, 2),
    ]);
    expect([up, down]).toEqual([sentUp, sentDown]);
  });

  test('100 connections at once', async () => {
    const { address } = await serve(credentials, (socket) => socket.pipe(socket));
    const answers = Array.from({ length: 100 }, async (_, at) => {
      const client = dial(credentials, address, { maxVersion });
      client.end(`connection ${at}`);
      return await text(client);
    });
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, at) => `connection ${at}`));
  });

  test('through a named pipe', async () => {
    const { address } = await serve(credentials, (socket) => socket.pipe(socket), pipeName(`echo-${maxVersion}`));
    const client = dial(credentials, address, { maxVersion });
    const [sent, back] = await Promise.all([send(client, 1_000_000, 3), received(client)]);
    expect(back).toEqual(sent);
  });

  test('a reset by the peer is ECONNRESET, and the server goes on', async () => {
    const { address } = await serve(credentials, (socket) => {
      socket.write('hello');
      socket.once('data', () => socket.resetAndDestroy());
    });
    for (let round = 0; round < 5; round++) {
      const client = dial(credentials, address, { maxVersion });
      await once(client, 'data');
      client.write('reset me');
      const [error] = await once(client, 'error');
      expect(error.code).toBe('ECONNRESET');
    }
  });
});

test('nobody listens: ECONNREFUSED', async () => {
  const { server, address } = await serve(credentials, () => {});
  server.close();
  await once(server, 'close');
  const [error] = await once(dial(credentials, address), 'error');
  expect(error.code).toBe('ECONNREFUSED');
});

test('TLS on a pipe that was in use before', async () => {
  const path = pipeName('starttls');
  const listener = net.createServer((pipe) => {
    pipe.once('data', () => {
      pipe.write('go ahead', () => {
        const socket = new tls.TLSSocket(pipe, {
          isServer: true,
          secureContext: tls.createSecureContext(credentials.identity),
        });
        socket.on('data', (chunk) => socket.end(`secure ${chunk}`));
      });
    });
  });
  listener.listen(path);
  await once(listener, 'listening');
  const pipe = net.connect(path);
  pipe.write('STARTTLS');
  await once(pipe, 'data');
  const client = tls.connect({ socket: pipe, servername: 'localhost', ca: credentials.authority.cert });
  client.write('hello');
  expect(await text(client)).toBe('secure hello');
  listener.close();
});

/** Sends `length` bytes that depend on `seed`, and ends. Their hash. */
async function send(target: Writable, length: number, seed: number): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(64_000, `no two chunks of ${seed} `);
  for (let at = 0; at < length; at += chunk.length) {
    const part = Buffer.from(chunk.subarray(0, Math.min(chunk.length, length - at)));
    part.writeUInt32LE(at);
    hash.update(part);
    if (!target.write(part)) await once(target, 'drain');
  }
  target.end();
  return hash.digest('hex');
}

async function received(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  source.on('data', (chunk: Buffer) => hash.update(chunk));
  await finished(source, { writable: false });
  return hash.digest('hex');
}

async function text(source: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  source.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(source, { writable: false });
  return Buffer.concat(chunks).toString();
}
