import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { listen } from '../helpers/listen.ts';
import { digest, feed, makePayload } from '../interop/payload.ts';
import { stopPrograms } from '../interop/program.ts';
import { connectTo } from '../interop/servers.ts';
import { type Cell, cells, kernelOnly, only } from './cells.ts';
import { identity, identityFiles } from './identity.ts';
import { clientPair, closePairs, ourPair, serverPair } from './pair.ts';
import { clientPrograms, serverPrograms } from './programs.ts';
import { idle, settled } from './tls-stat.ts';
import { hashOf } from './traffic.ts';

const files = identityFiles();
// So that its connections are not counted among a test's.
beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterAll(files.remove);
afterEach(closePairs);
afterEach(stopPrograms);

const payloads = [makePayload(1_000_003, { asLines: true }), makePayload(700_001)] as const;

/** Both ways at once, then both ends close. */
async function exchange(near: Duplex, far: Duplex): Promise<void> {
  const [there, back] = payloads;
  const received = Promise.all([hashOf(far), hashOf(near)]);
  await Promise.all([feed(near, there.bytes).then(() => near.end()), feed(far, back.bytes).then(() => far.end())]);
  expect(await received).toEqual([there.sha256, back.sha256]);
}

/** Runs `connection` and expects that the kernel carried so many ends of it, with no fault. */
async function inKernel(
  ends: { readonly sending: number; readonly receiving: number },
  connection: () => Promise<void>,
): Promise<void> {
  const before = await idle();
  await connection();
  expect(await settled(before)).toEqual({ TlsTxSw: ends.sending, TlsRxSw: ends.receiving });
}

const one = { sending: 1, receiving: 1 };
const both = { sending: 2, receiving: 2 };

function expectKernel(socket: ktls.TLSSocket, { version, cipher }: Cell): void {
  expect(socket.recordLayer).toEqual({ read: 'kernel', write: 'kernel', reason: {} });
  expect([socket.ktlsSend, socket.ktlsRecv]).toEqual([true, true]);
  expect([socket.getProtocol(), socket.getCipher()?.name]).toEqual([version, cipher]);
}

describe.each(cells)('$version $aead', (cell) => {
  test('server, peer node:tls', () =>
    inKernel(one, async () => {
      const { server, client } = await serverPair({ cell });
      expectKernel(server, cell);
      await exchange(server, client);
      expect(server.closeNotifyReceived).toBe(true);
    }));

  test('client, peer node:tls', () =>
    inKernel(one, async () => {
      const { server, client } = await clientPair({ cell });
      const session = once(client, 'session');
      expectKernel(client, cell);
      await exchange(client, server);
      expect(client.closeNotifyReceived).toBe(true);
      // In TLS 1.3 a NewSessionTicket, which came through the kernel as a record of its own.
      if (cell.version === 'TLSv1.3') expect((await session)[0].length).toBeGreaterThan(100);
    }));

  test('server and client, both ours', () =>
    inKernel(both, async () => {
      const { server, client } = await ourPair({ cell });
      expectKernel(server, cell);
      expectKernel(client, cell);
      await exchange(server, client);
      expect([server.closeNotifyReceived, client.closeNotifyReceived]).toEqual([true, true]);
    }));

  test.each(clientPrograms)('server, peer $name', (peer) =>
    inKernel(endsOf(peer.name, cell), async () => {
      const server = ktls.createServer({ ...identity, ...only(cell), ktls: kernelOnly });
      const port = await listen(server);
      const program = peer.start(port, files);
      server.once('connection', () => server.close());
      const [socket] = await once(server, 'secureConnection');
      expectKernel(socket, cell);
      const [there, back] = payloads;
      const sent = Promise.all([feed(socket, there.bytes), feed(program.stdin, back.bytes)]);
      const received = Promise.all([digest(program.stdout, there.bytes.length), digest(socket, back.bytes.length)]);
      expect(await program.during(received)).toEqual([there.sha256, back.sha256]);
      await sent;
      program.stdin.end();
      socket.resume();
      socket.end();
      await closed(socket);
      expect(await program.exit()).toBe(0);
    }),
  );

  test.each(serverPrograms)('client, peer $name', (peer) =>
    inKernel(endsOf(peer.name, cell), async () => {
      const connect = { ca: identity.cert, ...only(cell), ktls: kernelOnly };
      const { socket, serving } = await connectTo(peer, files, { upstream: 0, connect });
      expectKernel(socket, cell);
      const [there, back] = payloads;
      const answer = peer.does === 'echo' ? there : back;
      const sent = Promise.all([feed(socket, there.bytes), peer.does === 'echo' || feed(serving.stdin, back.bytes)]);
      const taken = peer.does === 'echo' ? there.sha256 : digest(serving.stdout, there.bytes.length);
      const received = Promise.all([taken, digest(socket, answer.bytes.length)]);
      expect(await serving.during(received)).toEqual([there.sha256, answer.sha256]);
      await sent;
      socket.resume();
      socket.end();
      await closed(socket);
      await serving.stop();
    }),
  );
});

/** Of a connection under kernel TLS at its other end, too; OpenSSL 3.0 does not have the kernel open records of TLS 1.3. */
function endsOf(peer: string, { version }: Cell): { sending: number; receiving: number } {
  if (!peer.endsWith('on kTLS')) return { sending: 1, receiving: 1 };
  return { sending: 2, receiving: version === 'TLSv1.2' ? 2 : 1 };
}

async function closed(socket: ktls.TLSSocket): Promise<void> {
  if (!socket.destroyed) await once(socket, 'close');
  expect(socket.errored).toBeNull();
}
