import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import tls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';

/** RFC 8446 §2: a client may send behind its Finished, and a server can answer what came with it. */
test.each(['before it is connected', 'once it is secure'] as const)(
  'what a client writes %s leaves together with the end of the handshake',
  async (when) => {
    const identity = selfSigned(['localhost']);
    const server = tls.createServer(identity, (socket) => socket.pipe(socket));
    const port = await listen(server);
    onTestFinished(() => void server.close());
    const tcp = net.connect(port, '127.0.0.1');
    const flights: Buffer[] = [];
    const socket = over(tcp, flights);
    const client = tls.connect({ socket, servername: 'localhost', ca: identity.cert, minVersion: 'TLSv1.3' });
    if (when === 'before it is connected') client.write('request');
    else client.on('secureConnect', () => client.write('request'));
    const [answer] = await once(client, 'data');
    expect(String(answer)).toBe('request');
    const [hello, end, ...more] = flights.map(recordTypes);
    expect(hello).toEqual([handshake]);
    // Finished, which looks like application data, and the request.
    expect(end?.filter((type) => type === applicationData)).toHaveLength(2);
    expect(more).toEqual([]);
    client.end();
    await once(client, 'close');
  },
);

/** A stream of which each flight is kept. */
function over(tcp: net.Socket, flights: Buffer[]): Duplex {
  const send = (bytes: Buffer, done: (error?: Error | null) => void): void => {
    flights.push(bytes);
    tcp.write(bytes, done);
  };
  const stream = new Duplex({
    read: () => {},
    write: (chunk, _, done) => send(chunk, done),
    writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
    final: (done) => void tcp.end(done),
  });
  tcp.on('data', (bytes) => stream.push(bytes)).on('end', () => stream.push(null));
  return stream;
}

function recordTypes(flight: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < flight.length; at += 5 + flight.readUInt16BE(at + 3)) types.push(flight.readUInt8(at));
  return types;
}

const [handshake, applicationData] = [22, 23];
