import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import tls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { dataRecords } from './data-records.ts';

/** TLS 1.2, whose records show what they are. */
test.each(['native', 'wasm'] as const)('small writes of one turn share records: %s', async (portableLayer) => {
  const [pieces, length] = [400, 100];
  const identity = selfSigned(['localhost']);
  const options = { ...identity, maxVersion: 'TLSv1.2', ktls: 'off', portableLayer } as const;
  const server = tls.createServer(options, (socket) => {
    for (let i = 0; i < pieces; i++) socket.write(Buffer.alloc(length, i));
    socket.end();
  });
  const wire: Buffer[] = [];
  const port = await listen(server);
  const proxy = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    client.pipe(upstream).on('data', (bytes: Buffer) => wire.push(bytes));
    upstream.pipe(client);
  });
  const proxyPort = await listen(proxy);
  onTestFinished(() => {
    server.close();
    proxy.close();
  });
  const client = tls.connect({ port: proxyPort, host: '127.0.0.1', servername: 'localhost', ca: identity.cert });
  const received: Buffer[] = [];
  client.on('data', (bytes: Buffer) => received.push(bytes));
  await once(client, 'end');
  const expected = Array.from({ length: pieces }, (_, i) => Buffer.alloc(length, i));
  expect(Buffer.concat(received).equals(Buffer.concat(expected))).toBe(true);
  expect(dataRecords(Buffer.concat(wire)).length).toBeLessThan(20);
});
