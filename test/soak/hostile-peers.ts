// The process of hostile peers. Argument: the identity of those that are servers, as JSON.
import { once } from 'node:events';
import net from 'node:net';
import { setImmediate } from 'node:timers/promises';
import nodeTls from 'node:tls';
import { createSecureContext } from '../../src/context/secure-context.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { listening } from './ends.ts';
import { longestHello, oneHello } from './hellos.ts';
import { floodLength, type KindName, type PeersOrder } from './hostile-kinds.ts';

const [, , identityText = '{}'] = process.argv;
const identity: { cert: string; key: string } = JSON.parse(identityText);
const context = createSecureContext({ ...identity, minVersion: 'TLSv1.3' });
const hello = oneHello(context);
const largeHello = longestHello(hello);
const chain = identity.cert.repeat(Math.floor(80_000 / derLength(identity.cert)));

const open: (net.Socket | RawPeer)[] = [];
const listeners: net.Server[] = [];

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Until something comes back, or nothing more can. */
async function answered(socket: net.Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve()).once('close', () => resolve());
  });
}

async function rawPeer(port: number): Promise<RawPeer> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const peer = new RawPeer(socket, { isServer: false, secureContext: context });
  open.push(peer);
  await Promise.race([peer.secure, peer.ended]);
  if (!peer.isSecure) throw new Error('the handshake failed');
  return peer;
}

/** Sends it in one piece, and waits for the answer to the mark behind it, or for the end. */
async function flood(peer: RawPeer, send: () => void): Promise<void> {
  const before = peer.data.length;
  peer.hold();
  send();
  peer.send(23, Buffer.from('!'));
  peer.release();
  let isOver = false;
  void peer.ended.then(() => {
    isOver = true;
  });
  while (!isOver && peer.data.length === before) await setImmediate();
}

const attacks: Readonly<Record<KindName, (port: number) => Promise<void>>> = {
  async slow(port) {
    const socket = await connected(port);
    for (const octet of hello.subarray(0, -1)) {
      socket.write(Buffer.of(octet));
      await setImmediate();
    }
  },
  async 'half-open'(port) {
    const socket = await connected(port);
    socket.write(hello);
    await answered(socket);
  },
  async 'maximal-hello'(port) {
    const socket = await connected(port);
    socket.write(largeHello);
    await answered(socket);
  },
  async 'not-reading'(port) {
    (await rawPeer(port)).pause();
  },
  async 'key-updates'(port) {
    const peer = await rawPeer(port);
    await flood(peer, () => {
      for (let i = 0; i < floodLength; i++) peer.updateKeys();
    });
  },
  async 'empty-records'(port) {
    const peer = await rawPeer(port);
    await flood(peer, () => {
      for (let i = 1; i <= floodLength; i++) peer.send(23, Buffer.alloc(i % 32 === 0 ? 1 : 0));
    });
  },
  async 'one-byte'(port) {
    const peer = await rawPeer(port);
    await flood(peer, () => {
      for (let i = 0; i < floodLength; i++) peer.send(23, Buffer.alloc(1));
    });
  },
  async certificates(port) {
    const socket = nodeTls.connect({
      port,
      host: '127.0.0.1',
      cert: chain,
      key: identity.key,
      rejectUnauthorized: false,
    });
    open.push(socket.on('error', () => {}));
    socket.once('secureConnect', () => socket.write('!'));
    await answered(socket);
  },
  async tickets() {
    throw new Error('that is done to clients');
  },
};

/** NewSessionTicket: lifetime, age, nonce, ticket, extensions (RFC 8446 §4.6.1). */
function ticket(number: number): Buffer {
  const body = Buffer.concat([
    ...[Buffer.from([0, 0, 14, 16, 1, 2, 3, 4, 2, number >> 8, number & 255, 0, 160]), Buffer.alloc(160, number)],
    Buffer.alloc(2),
  ]);
  return Buffer.concat([Buffer.of(4, 0, 0, body.length), body]);
}

async function listen(): Promise<number> {
  const server = net.createServer({ noDelay: true }, async (socket) => {
    const peer = new RawPeer(socket, { isServer: true, secureContext: context });
    open.push(peer);
    await Promise.race([peer.secure, peer.ended]);
    await flood(peer, () => {
      for (let i = 0; i < floodLength; i++) peer.send(22, ticket(i));
    });
  });
  listeners.push(server);
  return await listening(server);
}

async function attack({ kind, port, count }: PeersOrder & { do: 'attack' }): Promise<number> {
  await Promise.all(Array.from({ length: count }, () => attacks[kind](port)));
  return open.length;
}

async function obey(order: PeersOrder): Promise<number> {
  if (order.do === 'attack') return await attack(order);
  if (order.do === 'listen') return await listen();
  for (const one of open.splice(0)) one instanceof RawPeer ? one.dispose() : one.destroy();
  return 0;
}

function derLength(pem: string): number {
  return (pem.length * 3) / 4;
}

process.on('message', async (order: PeersOrder) => process.send?.(await obey(order)));
process.on('disconnect', () => process.exit());
process.send?.(0);
