import net from 'node:net';
import tls from 'node:tls';
import { listen } from '../helpers/listen.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';

/** As much of a MySQL server as a client needs to connect by TLS, to ping and to quit (the protocol's "Connection Phase"). */
export async function startMysqlServer({ key, cert }: IdentityFiles): Promise<net.Server & { readonly port: number }> {
  const secureContext = tls.createSecureContext({ key, cert });
  const server = net.createServer((raw) => {
    raw.on('error', () => {});
    raw.write(packet(0, greeting));
    // The client answers with the beginning of its own packet, as "SSL Request", and goes on in TLS without waiting: both may come at once.
    raw.once('data', (received: Buffer) => {
      raw.pause();
      raw.unshift(received.subarray(headLength + received.readUIntLE(0, 3)));
      const socket = new tls.TLSSocket(raw, { isServer: true, secureContext });
      socket.on('data', (received: Buffer) => {
        const [sequence, command] = [received[3] ?? 0, received[4]];
        const isAnswer = sequence > 0;
        if (isAnswer || command === ping) socket.write(packet(sequence + 1, ok));
        else socket.end();
      });
    });
  });
  return Object.assign(server, { port: await listen(server) });
}

function packet(sequence: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(payload.length, 0, 0, sequence), payload]);
}

const capabilities = 0x0001 | 0x0200 | 0x0800 | 0x2000 | 0x8000;
const greeting = Buffer.concat([
  Buffer.from('\n5.7.0\0'),
  Buffer.from([1, 0, 0, 0]),
  Buffer.from('8 bytes.\0'),
  Buffer.from([capabilities & 0xff, capabilities >> 8, 33, 2, 0, 0, 0, 21]),
  Buffer.alloc(10),
  Buffer.from('12 bytes now\0'),
]);
const ok = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const ping = 0x0e;
const headLength = 4;
