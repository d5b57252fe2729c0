import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import tls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { dataRecords } from './data-records.ts';

/** TLS 1.2, whose records show what they are. */
test('a connection begins with records of one segment each, so that the first can be read before all have come', async () => {
  const identity = selfSigned(['localhost']);
  const body = Buffer.alloc(100_000, 1);
  const server = tls.createServer({ ...identity, maxVersion: 'TLSv1.2', ktls: 'off' }, (socket) => {
    socket.write(body);
    socket.end(body);
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
  let received = 0;
  client.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  await once(client, 'end');
  expect(received).toBe(2 * body.length);

  const records = dataRecords(Buffer.concat(wire));
  const [first, second] = [records.slice(0, 10), records.slice(10)];
  for (const length of first) expect(length).toBeLessThanOrEqual(1_428);
  // All that is left of the first write, then the second: nothing is cut without need.
  const longest = 16_384 + 24;
  expect(second.filter((length) => length === longest)).toHaveLength(
    Math.floor((body.length - 13_900) / 16_384) + Math.floor(body.length / 16_384),
  );
  expect(second).toHaveLength(13);
});
