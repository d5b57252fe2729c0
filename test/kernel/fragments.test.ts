import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs } from './pair.ts';
import { rawClient } from './raw-pair.ts';

afterEach(closePairs);

const folder = mkdtempSync(join(tmpdir(), 'ktls-fragments-'));
const path = join(folder, 'file');
const content = randomBytes(20_000);
writeFileSync(path, content);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(layers)('setMaxSendFragment on $layer', ({ ktls, layer }) => {
  test.each([tls12, tls13])('no record is larger, of writes and of files: $version', async (cell) => {
    const { server, peer } = await rawClient({ cell, ...on(ktls) });
    await expect.poll(() => server.recordLayer.write).toBe(layer);
    expect(server.setMaxSendFragment(1000)).toBe(true);
    server.write(content.subarray(0, 10));
    server.write(content);
    expect(await server.sendFile(path)).toBe(content.length);
    server.write(content);
    const expected = Buffer.concat([content.subarray(0, 10), content, content, content]);
    await expect.poll(() => peer.received.length).toBe(expected.length);
    expect(peer.received.equals(expected)).toBe(true);
    const lengths = peer.data.map((fragment) => fragment.length);
    expect(Math.max(...lengths)).toBe(1000);
    expect(server.recordLayer.write).toBe(layer);
  });

  test('also where the peer reads late', async () => {
    const { server, peer } = await rawClient({ cell: tls13, ...on(ktls) });
    expect(server.setMaxSendFragment(512)).toBe(true);
    peer.pause();
    const data = randomBytes(3_000_000);
    const written = new Promise((resolve) => server.write(data, resolve));
    server.write('behind');
    peer.resume();
    await written;
    await expect.poll(() => peer.received.length).toBe(data.length + 6);
    expect(Math.max(...peer.data.map((fragment) => fragment.length))).toBe(512);
    expect(peer.received.subarray(0, data.length).equals(data)).toBe(true);
  });
});
