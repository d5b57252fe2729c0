import { once } from 'node:events';
import http from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type Server, type TLSSocket } from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { type ClientPeer, clientPeers } from './clients.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { type Cell, cells, MatrixTable, negotiatedBy, only } from './matrix.ts';
import { digest, exchange, feed, makePayload } from './payload.ts';
import { stopPrograms } from './program.ts';

const megabytes100 = 100_000_000;
const table = new MatrixTable('other clients to our server, 100 MB each way, SHA-256 equal at both ends');
const upload = makePayload(megabytes100);
const download = makePayload(megabytes100);
let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});

afterEach(stopPrograms);

afterAll(() => {
  identity.remove();
  table.print();
});

describe.each(clientPeers)('$name to our server', (peer) => {
  it.each(cells)('$version $aead', { timeout: 90_000 }, (cell) =>
    table.run(peer.name, cell, () => transfer(peer, cell)),
  );
});

async function transfer(peer: ClientPeer, cell: Cell): Promise<void> {
  const { cert, key } = identity;
  const server = createServer({ cert, key, ktls: 'off', ...only(cell) });
  const received = peer.speaks === 'http' ? serveHttp(server) : serveStream(server);
  const port = await listen(server);
  const program = peer.start(port, identity);
  server.once('connection', () => server.close());

  const fed = feed(program.stdin, upload.bytes).then(() => {
    if (peer.speaks === 'http') program.stdin.end();
  });
  const outcome = Promise.all([received, digest(program.stdout, megabytes100), fed]);
  const [{ sha256, socket, negotiated }, downloaded] = await program.during(outcome);

  expect(sha256).toBe(upload.sha256);
  expect(downloaded).toBe(download.sha256);
  expect(negotiated).toEqual({ version: cell.version, cipher: cell.cipher, read: 'native', write: 'native' });
  program.stdin.end();
  socket.end();
  if (!socket.destroyed) await once(socket, 'close');
  expect(socket.errored).toBeNull();
  expect(await program.exit()).toBe(0);
}

interface Received {
  readonly sha256: string;
  readonly socket: TLSSocket;
  readonly negotiated: object;
}

async function serveStream(server: Server): Promise<Received> {
  const socket = await firstConnection(server);
  const negotiated = negotiatedBy(socket);
  const sha256 = await digest(socket, megabytes100);
  socket.resume();
  await feed(socket, download.bytes);
  return { sha256, socket, negotiated };
}

async function serveHttp(server: Server): Promise<Received> {
  const socket = await firstConnection(server);
  const negotiated = negotiatedBy(socket);
  const sha256 = await new Promise<string>((resolve, reject) => {
    const web = http.createServer((request, response) => {
      exchange(request, response, { expected: megabytes100, answer: download.bytes }).then(resolve, reject);
    });
    web.emit('connection', socket);
  });
  return { sha256, socket, negotiated };
}

function firstConnection(server: Server): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    server.once('secureConnection', resolve);
    server.once('tlsClientError', reject);
  });
}
