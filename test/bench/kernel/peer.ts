import type net from 'node:net';
import type { Identity } from '../../helpers/certificates.ts';
import { nodes, type Suite } from '../contenders.ts';
import { send } from '../transfers.ts';

/** What a connection is for, seen from the peer: it receives, it sends, it gives everything back. */
export type Job = 'receive' | 'send' | 'echo';

/** The first bytes on a connection. `length`: of a phase, which the other end begins. */
export function order(job: Job, length: number, chunk = length): Buffer {
  return Buffer.from(JSON.stringify({ job, length, chunk }).padEnd(orderLength));
}

/**
 * node:tls, in a process of its own. Receiving, it says so with a byte after each phase; sending, it begins a phase when it gets a byte.
 */
export async function bePeer(identity: Identity, suite: Suite): Promise<void> {
  const { port } = await nodes.listen(identity, suite, (socket) => {
    socket.setNoDelay();
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    socket.on('data', function begin(part: Buffer) {
      head = Buffer.concat([head, part]);
      if (head.length < orderLength) return;
      socket.off('data', begin);
      const { job, length, chunk } = JSON.parse(head.toString('latin1', 0, orderLength));
      const work = works[job as Job](socket, length, Buffer.alloc(chunk, 7));
      if (head.length > orderLength) work(head.subarray(orderLength));
      socket.on('data', work);
    });
  });
  process.send?.(port);
}

const works: Readonly<Record<Job, (socket: net.Socket, length: number, chunk: Buffer) => (part: Buffer) => void>> = {
  receive(socket, length) {
    let left = length;
    return (part) => {
      left -= part.length;
      if (left > 0) return;
      left = length;
      socket.write('.');
    };
  },
  send: (socket, length, chunk) => () => send(socket, length, chunk),
  echo: (socket) => (part) => void socket.write(part),
};

const orderLength = 64;
