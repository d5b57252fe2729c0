import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import tls from '../../src/index.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-shared-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('files that go to slow readers at the same time share memory, and none gets what is another’s', async () => {
  // More than the system takes, so that parts of all of them wait.
  const files = Array.from({ length: 16 }, (_, i) => ({ path: join(folder, `${i}`), content: randomBytes(6_000_000) }));
  for (const { path, content } of files) writeFileSync(path, content);
  const identity = await issue(undefined);
  let [next, ended] = [0, 0];
  const server = tls.createServer({ ...identity, ktls: 'off' }, async (socket) => {
    const file = files[next++];
    if (!file) throw new Error('there are more clients than files');
    socket.write(Buffer.of(next - 1));
    await socket.sendFile(file.path);
    ended++;
    socket.end();
  });
  const port = await listen(server);
  const clients = files.map(() => nodeTls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }));
  const received = clients.map((client) => {
    const chunks: Buffer[] = [];
    client.on('data', (chunk) => {
      chunks.push(chunk);
      client.pause();
      setImmediate(() => client.resume());
    });
    return once(client, 'end').then(() => Buffer.concat(chunks));
  });
  for (const bytes of await Promise.all(received)) {
    const content = files[bytes[0] ?? -1]?.content;
    expect(content?.equals(bytes.subarray(1))).toBe(true);
  }
  expect(ended).toBe(files.length);
  server.close();
});
