import { once } from 'node:events';
import http from 'node:http';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/cli/inspect/connection-view.ts';
import { stopAll } from './run-ktls.ts';
import { ServedFolder } from './served-folder.ts';

const folder = new ServedFolder();
let port: number;
let page: string;

beforeAll(async () => {
  const { port: listening, listening: said } = await folder.serve('--inspect');
  port = listening;
  page = said.inspect ?? '';
}, 60_000);

afterAll(async () => {
  await stopAll();
  folder.remove();
});

describe('what ktls serve --inspect serves', { timeout: 60_000 }, () => {
  test('on loopback, on a port of its own', () => {
    expect(page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(new URL(page).port).not.toBe(String(port));
  });

  test.each([
    ['', 'text/html'],
    ['page.css', 'text/css'],
    ['inspect/page/main.js', 'text/javascript'],
    ['connections.json', 'application/json'],
  ])('/%s', async (path, type) => {
    const response = await fetch(new URL(path, page));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('every script that the page imports, and nothing from elsewhere', async () => {
    const html = await (await fetch(page)).text();
    const wanted = [...html.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path = '']) => new URL(path, page));
    for (const url of wanted) {
      expect(url.origin).toBe(new URL(page).origin);
      const response = await fetch(url);
      expect(`${url} ${response.status}`).toBe(`${url} 200`);
      const source = await response.text();
      if (!url.pathname.endsWith('.js')) continue;
      for (const [, path = ''] of source.matchAll(/^import .* from '([^']+)';$/gm)) {
        const imported = new URL(path, url);
        if (!wanted.some(({ href }) => href === imported.href)) wanted.push(imported);
      }
    }
    expect(wanted.length).toBeGreaterThan(6);
  });

  test.each(['package.json', 'ktls.js', 'inspect/inspector.js', '%2e%2e/package.json', 'a.txt'])(
    'no /%s',
    async (path) => {
      expect((await fetch(new URL(path, page))).status).toBe(404);
    },
  );

  test('not to those who call it by a name of theirs', async () => {
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = http.get(page, { headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', reject);
      });
    expect(await status('rebound.example')).toBe(403);
    expect(await status('rebound.example:80')).toBe(403);
    expect(await status('localhost:1')).toBe(200);
  });

  test('events, first with everything', async () => {
    const response = await fetch(new URL('events', page));
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader?.read())?.value ?? '';
    expect(JSON.parse(first.replace(/^data: /, ''))).toMatchObject({ serves: `https://localhost:${port}/` });
    const socket = await open();
    let told = '';
    while (!/"state":"open"/.test(told)) told += (await reader?.read())?.value;
    socket.destroy();
    await reader?.cancel();
  });

  test('a history that ends somewhere', async () => {
    const before = (await snapshot()).totals.connections;
    for (let connection = 0; connection < 110; connection++) {
      const socket = await open();
      socket.resume().end();
      await once(socket, 'close');
    }
    // The server may learn of an end later than the client does.
    await expect
      .poll(async () => (await snapshot()).connections.filter(({ state }) => state === 'closed').length)
      .toBe(100);
    const { totals, connections } = await snapshot();
    expect(totals.connections).toBe(before + 110);
    expect(connections.at(-1)?.id).toBe(before + 110);
  });

  test('of a connection the beginning and the end', async () => {
    const socket = await open();
    const request = 'GET /a.txt HTTP/1.1\r\nHost: localhost\r\n';
    socket.resume().write(`${`${request}\r\n`.repeat(99)}${request}Connection: close\r\n\r\n`);
    await once(socket, 'close');
    const [last] = (await snapshot()).connections.slice(-1);
    expect(last).toMatchObject({ requests: 100 });
    expect(last?.marks.length).toBe(60);
    expect(last?.marksLeftOut).toBeGreaterThan(40);
    expect(last?.marks[0]?.kind).toBe('accepted');
    expect(last?.marks.some(({ kind }) => kind === 'secure')).toBe(true);
    expect(last?.marks.at(-1)?.kind).toBe('closed');
  });
});

async function open(): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: folder.ca });
  await once(socket, 'secureConnect');
  return socket;
}

/** When the server has learned of the end of what has ended. */
async function snapshot(): Promise<Snapshot> {
  for (;;) {
    const all: Snapshot = JSON.parse(await (await fetch(new URL('connections.json', page))).text());
    if (all.totals.live === 0) return all;
  }
}
