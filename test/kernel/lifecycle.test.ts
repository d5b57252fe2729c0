import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { kernelOnly, only, tls13 } from './cells.ts';
import { identity } from './identity.ts';
import { closePairs, ourPair, serverPair, tcpPair, track } from './pair.ts';
import { idle } from './tls-stat.ts';
import { hashOf, sha256 } from './traffic.ts';

afterEach(closePairs);

const program = fileURLToPath(new URL('./lifecycle-program.ts', import.meta.url));

/** Runs a scenario of lifecycle-program.ts in a process of its own, and answers what it printed. */
async function run(scenario: string, ...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', ...flags, program, scenario], {
    timeout: 100_000,
    // Most of the time goes into loading TypeScript.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'ktls-compile-cache') },
  });
  return stdout.trim();
}

describe('lifecycle', { timeout: 120_000 }, () => {
  test('the workers of a cluster carry on what its primary accepted', async () => {
    const [first, ...others] = (await run('cluster')).split('\n');
    expect(first).toMatch(/^kernel kernel in worker [12], resumed: false$/);
    // They take turns, and accept each other's tickets.
    expect(others).toHaveLength(3);
    for (const line of others) expect(line).toMatch(/^kernel kernel in worker [12], resumed: true$/);
    expect(new Set(others.map((line) => line.match(/worker \d/)?.[0])).size).toBe(2);
  });

  test('1,000 connections leave nothing behind', async () => {
    const server = ktls.createServer({ ...identity, ...only(tls13), ktls: kernelOnly }, (socket) =>
      socket.pipe(socket),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const secureContext = ktls.createSecureContext({ ca: identity.cert });
    const connect = async (): Promise<void> => {
      const socket = ktls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        secureContext,
        ktls: kernelOnly,
      });
      socket.end('x');
      const closed = once(socket, 'close');
      expect(await hashOf(socket)).toBe(sha256(Buffer.from('x')));
      await closed;
    };
    const many = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, connect));
      await expect.poll(() => connections(server)).toBe(0);
      await idle();
    };
    await many(40);
    const before = { files: readdirSync('/proc/self/fd').length, blocks: engineModule().liveAllocations };
    await many(1000);
    expect(readdirSync('/proc/self/fd').length).toBe(before.files);
    // Room for a block or two that OpenSSL makes once and keeps, not for one a connection.
    expect(engineModule().liveAllocations).toBeLessThan(before.blocks + 20);
    server.close();
  });

  test('worker.terminate() with open sockets under traffic', async () => {
    expect(await run('terminate')).toBe('the worker ended and the process goes on');
  });

  test('the process ends with sockets open', async () => {
    expect(await run('exit')).toBe('secure');
  });

  test('sockets that nobody holds any more are collected', async () => {
    expect(await run('abandon', '--expose-gc')).toBe('all were collected');
  });

  test('unref() lets the process end, ref() holds it', async () => {
    expect(await run('unref')).toBe('ended by itself');
  });

  test('setTimeout tells of a connection on which nothing moves, and only then', async () => {
    const { server, client } = await serverPair({ cell: tls13 });
    const timeout = once(client.resume() && server.setTimeout(400), 'timeout');
    const started = performance.now();
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.write('x');
      server.resume();
    }
    await timeout;
    expect(performance.now() - started).toBeGreaterThan(1100);
    expect(server.destroyed).toBe(false);
  });

  test('handshakeTimeout is a fixed deadline, however busy the peer', async () => {
    const server = ktls.createServer({ ...identity, ktls: kernelOnly, handshakeTimeout: 500 });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const failed = once(server, 'tlsClientError');
    const { port } = server.address() as AddressInfo;
    const started = performance.now();
    const { connect } = await import('node:net');
    const client = connect(port, '127.0.0.1').on('error', () => {});
    const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0]), Buffer.from([1, 0, 1, 252]), Buffer.alloc(508)]);
    // A byte now and then, for ever.
    let at = 0;
    const timer = setInterval(() => client.write(hello.subarray(at, ++at)), 50);
    const [error] = await failed;
    clearInterval(timer);
    expect(error).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(3000);
    client.destroy();
    server.close();
  });
});

test('STARTTLS: a socket that was in use, with the hello read ahead', async () => {
  const [accepted, connected] = await tcpPair();
  track({ server: accepted, client: connected });
  const upgraded = new Promise<ktls.TLSSocket>((resolve) => {
    accepted.on('data', function line(chunk: Buffer) {
      const end = chunk.indexOf('\n') + 1;
      accepted.off('data', line);
      accepted.pause();
      if (end < chunk.length) accepted.unshift(chunk.subarray(end));
      accepted.write('go\n');
      const secureContext = ktls.createSecureContext({ ...identity, ...only(tls13) });
      resolve(new ktls.TLSSocket(accepted, { isServer: true, secureContext, ktls: kernelOnly }));
    });
    accepted.resume();
  });
  // The client does not wait for the answer: command and hello come in one segment.
  connected.cork();
  connected.write('STARTTLS\n');
  const answer = once(connected, 'readable').then(() => connected.read(3));
  const server = upgraded;
  connected.uncork();
  expect(String(await answer)).toBe('go\n');
  const client = ktls.connect({
    socket: connected,
    ca: identity.cert,
    servername: 'localhost',
    ktls: kernelOnly,
    ...only(tls13),
  });
  await once(client, 'secureConnect');
  const socket = await server;
  client.write('after');
  expect(String((await once(socket, 'data'))[0])).toBe('after');
  expect(socket.recordLayer).toMatchObject({ read: 'kernel', write: 'kernel' });
  expect(client.recordLayer).toMatchObject({ read: 'kernel', write: 'kernel' });
});

test('both ends in one process can be many at once', async () => {
  const pairs = await Promise.all(Array.from({ length: 20 }, () => ourPair({ cell: tls13 })));
  const received = Promise.all(pairs.map(({ client }) => hashOf(client)));
  for (const [i, { server }] of pairs.entries()) server.end(`${i}`);
  expect(await received).toEqual(pairs.map((_, i) => sha256(Buffer.from(`${i}`))));
});

function connections(server: ktls.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
