import https from 'node:https';
import { afterAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/cli/inspect/connection-view.ts';
import { Ktls, stopAll } from '../cli/run-ktls.ts';
import { eventsIn, ServedFolder, sha256 } from '../cli/served-folder.ts';
import { idle, settled } from './tls-stat.ts';

const folder = new ServedFolder();

afterAll(async () => {
  await stopAll();
  folder.remove();
});

describe('ktls serve', () => {
  // Every kernel with TLS takes TLS 1.2.
  test('lets the kernel send the files', async () => {
    const { ktls, port } = await folder.serve();
    // With the first connection the kernel is tried out, which counts as well.
    await download(port);
    const before = await idle();
    expect(sha256(await download(port))).toBe(folder.bigHash);
    ktls.interrupt();
    const { stdout } = await ktls.ended();
    expect(eventsIn(stdout).find(({ event }) => event === 'closed')).toMatchObject({
      version: 'TLSv1.2',
      write: { layer: 'kernel', reason: null },
    });
    expect(await settled(before)).toMatchObject({ TlsTxSw: 1 });
  });

  test('does not where it must not', async () => {
    const before = await idle();
    const { ktls, port } = await folder.serve('--ktls', 'off');
    expect(sha256(await download(port))).toBe(folder.bigHash);
    ktls.interrupt();
    await ktls.ended();
    expect((await settled(before)).TlsTxSw).toBeUndefined();
  });
});

test.each([
  { words: [], handovers: ['wasm → native', 'native → kernel'] },
  { words: ['--ktls', 'prefer'], handovers: ['wasm → kernel'] },
])('ktls serve --inspect $words shows when the kernel took over', async ({ words, handovers }) => {
  const { port, listening } = await folder.serve('--inspect', ...words);
  await download(port);
  const { connections }: Snapshot = JSON.parse(await (await fetch(`${listening.inspect}connections.json`)).text());
  const [connection] = connections;
  expect(connection).toMatchObject({ write: { layer: 'kernel', reason: null, epoch: 0, bytes: expect.any(Number) } });
  expect(connection?.write.bytes).toBeGreaterThan(folder.big.length);
  const marks = connection?.marks.filter(({ kind, direction }) => kind === 'layer' && direction === 'write');
  expect(marks?.map(({ text }) => text)).toEqual(handovers);
});

test('ktls probe says what this kernel can do', async () => {
  const ktls = new Ktls(['probe', '--json']);
  const { status, stdout } = await ktls.ended();
  expect(status).toBe(0);
  const { kernelTls, sendfile, ciphers } = JSON.parse(stdout);
  expect(kernelTls).toEqual({ usable: true, reason: null, errno: null });
  expect(sendfile).toEqual({ usable: true, reason: null, errno: null });
  expect(ciphers).toHaveLength(6);
  expect(ciphers[0]).toMatchObject({ write: { usable: true, reason: null, errno: null }, read: { usable: true } });
});

function download(port: number): Promise<Buffer> {
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca: folder.ca, maxVersion: 'TLSv1.2' } as const;
  return new Promise((resolve, reject) => {
    https
      .get({ ...options, path: '/big.bin', agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve(Buffer.concat(parts)));
      })
      .on('error', reject);
  });
}
