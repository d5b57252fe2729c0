import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel-support.ts';
import { type Cell, cells, kernelOnly, only } from './cells.ts';
import { identity, identityFiles } from './identity.ts';
import { listeningPort, OpensslProgram } from './openssl-program.ts';
import { clientPair, closePairs, ourPair, serverPair } from './pair.ts';
import { idle, settled } from './tls-stat.ts';
import { feed, hashOf, makePayload, sha256 } from './traffic.ts';

const files = identityFiles();
// So that its connections are not counted among a test's.
beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterAll(files.remove);
afterEach(closePairs);

const payloads = [makePayload(1_000_003), makePayload(700_001)] as const;

/** Both ways at once, then both ends close. */
async function exchange(near: Duplex, far: Duplex): Promise<void> {
  const [there, back] = payloads;
  const received = Promise.all([hashOf(far), hashOf(near)]);
  await Promise.all([feed(near, there).then(() => near.end()), feed(far, back).then(() => far.end())]);
  expect(await received).toEqual([sha256(there), sha256(back)]);
}

/** Runs `connection` and expects that the kernel carried `ends` ends of it, both ways, with no fault. */
async function inKernel(ends: number, connection: () => Promise<void>): Promise<void> {
  const before = await idle();
  await connection();
  expect(await settled(before)).toEqual({ TlsTxSw: ends, TlsRxSw: ends });
}

function expectKernel(socket: ktls.TLSSocket, { version, cipher }: Cell): void {
  expect(socket.recordLayer).toEqual({ read: 'kernel', write: 'kernel', reason: {} });
  expect([socket.ktlsSend, socket.ktlsRecv]).toEqual([true, true]);
  expect([socket.getProtocol(), socket.getCipher()?.name]).toEqual([version, cipher]);
}

describe.each(cells)('$version $aead', (cell) => {
  test('server, peer node:tls', () =>
    inKernel(1, async () => {
      const { server, client } = await serverPair({ cell });
      expectKernel(server, cell);
      await exchange(server, client);
      expect(server.closeNotifyReceived).toBe(true);
    }));

  test('client, peer node:tls', () =>
    inKernel(1, async () => {
      const { server, client } = await clientPair({ cell });
      const session = once(client, 'session');
      expectKernel(client, cell);
      await exchange(client, server);
      expect(client.closeNotifyReceived).toBe(true);
      // In TLS 1.3 a NewSessionTicket, which came through the kernel as a record of its own.
      if (cell.version === 'TLSv1.3') expect((await session)[0].length).toBeGreaterThan(100);
    }));

  test('server and client, both ours', () =>
    inKernel(2, async () => {
      const { server, client } = await ourPair({ cell });
      expectKernel(server, cell);
      expectKernel(client, cell);
      await exchange(server, client);
      expect([server.closeNotifyReceived, client.closeNotifyReceived]).toEqual([true, true]);
    }));

  test('server, peer openssl s_client', () =>
    inKernel(1, async () => {
      const server = ktls.createServer({ ...identity, ...only(cell), ktls: kernelOnly }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const words = ['-quiet', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-CAfile', files.cert];
      using program = new OpensslProgram(['s_client', ...words]);
      const [socket] = await once(server, 'secureConnection');
      server.close();
      expectKernel(socket, cell);
      await throughProgram(socket, program);
      expect(await program.exit).toBe(0);
    }));

  test('client, peer openssl s_server', () =>
    inKernel(1, async () => {
      const port = await unusedPort();
      using program = new OpensslProgram([
        's_server',
        '-quiet',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        files.cert,
        '-key',
        files.key,
      ]);
      await listeningPort(port);
      const client = ktls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: identity.cert,
        ...only(cell),
        ktls: kernelOnly,
      });
      await once(client, 'secureConnect');
      expectKernel(client, cell);
      await throughProgram(client, program);
    }));
});

/** Both ways at once, then our end closes. */
async function throughProgram(socket: Socket, { stdin, stdout }: OpensslProgram): Promise<void> {
  const [there, back] = payloads;
  const received = Promise.all([hashOf(stdout, there.length), hashOf(socket, back.length)]);
  await Promise.all([feed(socket, there), feed(stdin, back)]);
  expect(await received).toEqual([sha256(there), sha256(back)]);
  socket.destroySoon();
  await once(socket, 'close');
}

/** Nobody else opens ports in a guest, so it stays unused. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
