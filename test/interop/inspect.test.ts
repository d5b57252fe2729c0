import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stopAll } from '../cli/run-ktls.ts';
import { ServedFolder } from '../cli/served-folder.ts';
import { Browser } from './browser.ts';
import { coloursIn } from './png.ts';
import { Program, program, stopPrograms } from './program.ts';

const folder = new ServedFolder();
let port: number;
let page: string;
let browser: Browser;

beforeAll(async () => {
  const { port: listening, listening: said } = await folder.serve('--inspect', '--ktls', 'off');
  port = listening;
  page = said.inspect ?? '';
  browser = await Browser.start();
}, 60_000);

afterAll(async () => {
  await browser?.stop();
  await stopPrograms();
  await stopAll();
  folder.remove();
});

const waits = { timeout: 20_000 };
const text = (selector: string): Promise<unknown> => {
  const expression = `[...document.querySelectorAll(${JSON.stringify(selector)})].map((found) => found.textContent).join(' | ')`;
  return browser.evaluate(expression);
};
const count = (selector: string): Promise<unknown> =>
  browser.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);

describe('the page of ktls serve --inspect, in Chromium', { timeout: 90_000 }, () => {
  test('is empty at first, and follows connections as they live', async () => {
    await browser.open(page, { width: 1280, height: 900, scheme: 'light' });
    await expect.poll(() => text('#link'), waits).toBe('live');
    expect(await browser.evaluate("document.getElementById('empty').checkVisibility()")).toBe(true);
    expect(await text('#serves')).toBe(`https://localhost:${port}/`);

    const socket = await connect({ ALPNProtocols: ['http/1.1'] });
    await expect.poll(() => count('.card.open'), waits).toBe(1);
    expect(await text('.card .chip')).toMatch(/^TLSv1\.3 \| [A-Z0-9_]+ \| \w+ \| http\/1\.1$/);
    expect(await text('.card .row b')).toBe('native | native');
    expect(await text('.card .reason')).toMatch(/^not the kernel: .*off/);
    expect(await text('.card .row')).toMatch(/^handshake[\d.]+ m?s \| /);
    expect(await count('.card .track .tick.native')).toBeGreaterThanOrEqual(2);
    expect(await browser.evaluate("document.getElementById('empty').checkVisibility()")).toBe(false);

    await download(socket, '/big.bin');
    await expect.poll(() => text('.card .amounts .out b'), waits).toBe('9.0 MB');
    await download(socket, '/big.bin');
    await expect.poll(() => text('.card .amounts .out b'), waits).toBe('18 MB');
    expect(await text('.card .chip')).toContain('2 requests');
    // Both are of samples, of which there is one every half second.
    await expect.poll(() => text('.card .amounts .peak'), waits).toMatch(/^peak .*B\/s$/);
    expect(await count('.card polyline.stroke.out')).toBe(1);

    await browser.evaluate("document.querySelector('.card details').open = true");
    expect(await text('.card .marks span')).toContain('sends: wasm → native');
    expect(await text('.card .marks span')).toContain('GET /big.bin');

    socket.end();
    await expect.poll(() => text('.card.closed .state'), waits).toMatch(/^closed after /);
    expect(await browser.evaluate("document.querySelector('.card details').open")).toBe(true);
    expect(await text('.tile p')).toMatch(/^0 \| /);
  });

  test('shows handshakes that fail', async () => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.resume().end('this is no TLS\r\n\r\n');
    await expect.poll(() => text('.card.failed .state'), waits).toMatch(/failed: ERR_SSL_/);
  });

  test('counts changes of keys', async () => {
    const words = ['-connect', `127.0.0.1:${port}`, '-CAfile', folder.certificate, '-servername', 'rekeying.example'];
    const client = new Program(program('openssl'), ['s_client', '-tls1_3', ...words]);
    client.stdout.resume();
    const card = ".card[data-id='3']";
    await expect.poll(() => text(`${card} .name`), waits).toBe('rekeying.example');
    for (let epoch = 1; epoch <= 2; epoch++) {
      // s_client's command for a KeyUpdate that asks for one in return.
      client.stdin.write('K\n');
      const both = new RegExp(`native · epoch ${epoch} .* native · epoch ${epoch}$`);
      await expect.poll(() => text(`${card} .row > :last-child`), waits).toMatch(both);
    }
    expect(await count(`${card} .tick.epoch`)).toBe(4);
    expect(await text(`${card} .marks span`)).toContain('receives: new keys, epoch 2');
    await client.stop();
  });

  test('what a client sends stays text, and what is secret is not shown', async () => {
    const secrets: string[] = [];
    const odd = '<img src=x onerror=alert(1)>';
    const socket = await connect({ servername: odd, checkServerIdentity: () => undefined }, secrets);
    await download(socket, '/a.txt?token=hunter2#<b>');
    await expect.poll(() => text('.card .name'), waits).toContain(odd);
    await expect.poll(() => text('.card .marks span'), waits).toContain('GET /a.txt |');
    expect(await count('img, .card b b')).toBe(0);
    const told = await (await fetch(new URL('connections.json', page))).text();
    expect(told).toContain('/a.txt');
    expect(told).not.toContain('hunter2');
    expect(secrets.length).toBeGreaterThan(3);
    for (const secret of secrets) expect(told).not.toContain(secret);
    socket.destroy();
  });

  test('looks like something, in light and in dark', async () => {
    const socket = await connect();
    const grounds = [];
    for (const scheme of ['light', 'dark'] as const) {
      await browser.open(page, { width: 1000, height: 800, scheme });
      await expect.poll(() => count('.card'), waits).toBeGreaterThan(2);
      const colours = [...coloursIn(await browser.screenshot())].toSorted(([, a], [, b]) => b - a);
      expect(colours.length).toBeGreaterThan(50);
      const [ground] = colours;
      expect(ground?.[1]).toBeLessThan(0.9 * 1000 * 800);
      grounds.push(Number.parseInt(ground?.[0].slice(0, 2) ?? '', 16));
    }
    expect(grounds[0]).toBeGreaterThan(0xe0);
    expect(grounds[1]).toBeLessThan(0x30);
    socket.destroy();
  });

  test('nothing in it breaks its own rules', () => {
    expect(browser.complaints).toEqual([]);
  });
});

async function connect(options: tls.ConnectionOptions = {}, secrets?: string[]): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: folder.ca, ...options });
  socket.on('keylog', (line: Buffer) => secrets?.push(line.toString().trim().split(' ')[2] ?? ''));
  await once(socket, 'secureConnect');
  return socket.on('error', () => {});
}

/** Sends a request on a connection, and takes all of the answer. */
async function download(socket: tls.TLSSocket, path: string): Promise<void> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  let received = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const onData = (part: Buffer): void => {
      received = Buffer.concat([received, part]);
      const head = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1', 0, head))?.[1]);
      if (head < 0 || received.length < head + 4 + length) return;
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData).once('close', () => reject(new Error('the server has gone')));
  });
}
