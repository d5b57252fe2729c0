import { once } from 'node:events';
import http from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TLSSocket } from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { type Cell, cells, MatrixTable, negotiatedBy, only } from './matrix.ts';
import { digest, exchange, feed, makePayload } from './payload.ts';
import { type Program, stopPrograms } from './program.ts';
import { connectTo, type ServerPeer, serverPeers } from './servers.ts';

const megabytes100 = 100_000_000;
const table = new MatrixTable('our client to other servers, 100 MB each way, SHA-256 equal at both ends');
const upload = makePayload(megabytes100, { asLines: true });
const download = makePayload(megabytes100);
let identity: IdentityFiles;
let upstream: http.Server;
let upstreamPort: number;
/** What the server behind nginx took. */
let delivered: Promise<string> | undefined;

beforeAll(async () => {
  identity = await makeIdentityFiles();
  upstream = http.createServer((request, response) => {
    delivered = exchange(request, response, { expected: megabytes100, answer: download.bytes });
  });
  upstreamPort = await listen(upstream);
});

afterEach(stopPrograms);

afterAll(() => {
  upstream.close();
  identity.remove();
  table.print();
});

describe.each(serverPeers)('our client to $name', (peer) => {
  it.each(cells)('$version $aead', { timeout: 90_000 }, (cell) =>
    table.run(peer.name, cell, () => transfer(peer, cell)),
  );
});

async function transfer(peer: ServerPeer, cell: Cell): Promise<void> {
  const { socket, serving } = await connectTo(peer, identity, {
    upstream: upstreamPort,
    connect: { ca: identity.ca, ktls: 'off', ...only(cell) },
  });
  expect(negotiatedBy(socket)).toEqual({ version: cell.version, cipher: cell.cipher, read: 'native', write: 'native' });
  expect(socket.authorized).toBe(true);

  const { uploaded, downloaded } = await serving.during(conversations[peer.does](socket, serving));

  expect(uploaded).toBe(upload.sha256);
  expect(downloaded).toBe(peer.does === 'echo' ? upload.sha256 : download.sha256);
  socket.end();
  if (!socket.destroyed) await once(socket, 'close');
  expect(socket.errored).toBeNull();
}

interface Transferred {
  readonly uploaded: string;
  readonly downloaded: string;
}

const conversations: Readonly<
  Record<ServerPeer['does'], (socket: TLSSocket, serving: Program) => Promise<Transferred>>
> = {
  async stream(socket, serving) {
    const [uploaded] = await Promise.all([digest(serving.stdout, megabytes100), feed(socket, upload.bytes)]);
    const [downloaded] = await Promise.all([digest(socket, megabytes100), feed(serving.stdin, download.bytes)]);
    socket.resume();
    serving.stdin.end();
    return { uploaded, downloaded };
  },
  async echo(socket) {
    const [echoed] = await Promise.all([digest(socket, megabytes100), feed(socket, upload.bytes)]);
    socket.resume();
    return { uploaded: echoed, downloaded: echoed };
  },
  async http(socket) {
    const request = http.request({
      createConnection: () => socket,
      method: 'PUT',
      path: '/payload',
      headers: { host: 'localhost', 'content-length': megabytes100 },
    });
    const answered = new Promise<string>((resolve, reject) => {
      request.on('error', reject).on('response', (response) => digest(response, megabytes100).then(resolve, reject));
    });
    await Promise.all([feed(request, upload.bytes).then(() => request.end()), answered]);
    return { uploaded: (await delivered) ?? '', downloaded: await answered };
  },
};
