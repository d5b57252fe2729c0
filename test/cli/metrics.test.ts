import { Agent, fetch } from 'undici';
import { afterAll, expect, test } from 'vitest';
import { stopAll } from './run-ktls.ts';
import { ServedFolder } from './served-folder.ts';

const folder = new ServedFolder();

afterAll(async () => {
  await stopAll();
  folder.remove();
});

test('ktls serve --metrics has numbers of its connections, and nothing else', { timeout: 60_000 }, async () => {
  const { port, listening } = await folder.serve('--metrics');
  const page = new URL(listening.metrics ?? '');
  expect(page.hostname).toBe('127.0.0.1');
  const agent = new Agent({ connect: { ca: folder.ca } });
  await (await fetch(`https://localhost:${port}/a.txt`, { dispatcher: agent })).text();
  await agent.close();
  const response = await fetch(page);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toMatch(/^ktls_handshakes_total\{role="server",version="TLSv1\.3",.*\} 1$/m);
  expect((await fetch(page, { method: 'POST' })).status).toBe(405);
  expect((await fetch(new URL('/', page))).status).toBe(404);
});
