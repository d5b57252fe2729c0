import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decryptionSecrets } from '../../src/pcap/pcapng-writer.ts';
import { capture, captureOf, segmentsOf } from '../dissect/captures.ts';
import { caseFile } from '../dissect/cases.ts';
import { listen } from '../helpers/listen.ts';
import { Browser } from './browser.ts';
import { coloursIn } from './png.ts';
import { stopPrograms } from './program.ts';

const page = new URL('../../dist/decrypt.html', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'ktls-page-'));
let browser: Browser;

beforeAll(async () => {
  browser = await Browser.start();
}, 60_000);

afterAll(async () => {
  await browser?.stop();
  await stopPrograms();
  rmSync(folder, { recursive: true, force: true });
});

describe('the page that decrypts captures, in Chromium', { timeout: 90_000 }, () => {
  beforeEach(async () => {
    browser.complaints.length = 0;
    browser.requests.length = 0;
    await open('light');
  });

  test.each([
    ['chosen', (files: readonly string[]) => browser.choose('#files', files)],
    ['dropped', (files: readonly string[]) => browser.drop(files, 600, 400)],
  ])('a capture and a key log that are %s are shown as plaintext', async (_how, give) => {
    const { file, keyLog } = capture('tls13-key-update');
    await give([fileURLToPath(file), written('secrets.log', keyLog)]);
    await shows('17 of 17 records opened.');
    expect(await texts('#given li')).toEqual(['capture tls13-key-update.pcap', 'key log secrets.log']);
    expect(await shownTexts('.chip')).toEqual(['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', 'http/1.1']);
    expect(await shownTexts('.record.data .says')).toEqual([
      'one from the client ',
      'one from the server ',
      'two from the client ',
    ]);
    expect(browser.complaints).toEqual([]);
    expect(browser.requests.filter((url) => url !== 'about:srcdoc')).toEqual([page]);
  });

  test('what is missing is asked for, and may come later', async () => {
    const { bytes, keyLog } = capture('tls12-cbc');
    await browser.choose('#files', [written('traffic.pcap.gz', gzipSync(bytes))]);
    await shows('Secrets are missing: add the key log.');
    expect(await shownTexts('.problem')).toEqual([expect.stringContaining('there are no secrets of this connection')]);
    // Over what is shown, a frame.
    await browser.drop([written('secrets.log', keyLog)], 600, 600);
    await shows(/^(\d+) of \1 records opened\.$/);
    expect(await shownTexts('.record.data .says')).toContain('two from the client ');
  });

  test('a capture may have its secrets in it', async () => {
    const { bytes, keyLog } = capture('tls13-retry');
    const file = Buffer.concat([captureOf(segmentsOf(bytes)), decryptionSecrets(keyLog)]);
    await browser.choose('#files', [written('both.pcapng', file)]);
    await shows('18 of 18 records opened.');
    expect(await shownTexts('.record.data .says')).toContain('two from the client ');
  });

  test('what is no capture, and what is no JSON, is told', async () => {
    await browser.choose('#files', [written('secrets.log', '')]);
    await shows('Now the capture');
    await browser.choose('#files', [written('keys.json', '{"clientRandom":')]);
    await shows('It did not work');
    await browser.choose('#files', [written('picture.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0))]);
    await shows('0 of 0 records opened.');
    expect(await shownTexts('.problem')).toEqual([expect.stringContaining('neither pcap nor pcapng')]);
  });

  test('a suite that the page has no cipher for is told', async () => {
    await browser.choose('#files', [
      fileURLToPath(caseFile('camellia.pcapng')),
      fileURLToPath(caseFile('camellia.log')),
    ]);
    await shows(/^\d+ of \d+ records opened\.$/);
    expect(await shownTexts('.problem')).toEqual([expect.stringContaining('CAMELLIA_256_CBC_SHA256 is not supported')]);
  });

  test('nothing leaves it, even if its script wanted', async () => {
    const asked: (string | undefined)[] = [];
    const server = http.createServer(({ url }, response) => {
      asked.push(url);
      response.end();
    });
    const port = await listen(server);
    const url = `http://127.0.0.1:${port}/`;
    const attempts = [
      `void fetch('${url}fetch', { mode: 'no-cors' })`,
      `navigator.sendBeacon('${url}beacon', 'said')`,
      `new Image().src = '${url}image'`,
      `void new WebSocket('${url.replace('http', 'ws')}socket')`,
      `void new EventSource('${url}events')`,
      `document.body.insertAdjacentHTML('beforeend', '<iframe src="${url}frame"></iframe><form action="${url}form"></form>')`,
      'document.forms[0].submit()',
    ];
    for (const attempt of attempts) await browser.evaluate(`{ try { ${attempt} } catch {} } 0`);
    await expect.poll(() => browser.complaints.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(attempts.length - 1);
    for (const complaint of browser.complaints) expect(complaint).toContain('Content Security Policy');
    expect(asked).toEqual([]);
    // The same server, asked by a page that may.
    await browser.open(url, { width: 400, height: 300, scheme: 'light' });
    expect(asked).toContain('/');
    expect(browser.requests).toContain(url);
    server.closeAllConnections();
    server.close();
  });

  test.each(['light', 'dark'] as const)('looks like something when it is %s', async (scheme) => {
    await open(scheme);
    const { file, keyLog } = capture('tls13-retry');
    const empty = coloursIn(await browser.screenshot()).size;
    await browser.drop([fileURLToPath(file), written('secrets.log', keyLog)], 40, 40);
    await shows('records opened.');
    const png = await browser.screenshot();
    const colours = [...coloursIn(png)].toSorted(([, one], [, other]) => other - one);
    expect([empty, colours.length].every((count) => count > 20)).toBe(true);
    const ground = Number.parseInt(colours[0]?.[0].slice(0, 2) ?? '', 16);
    if (scheme === 'light') expect(ground).toBeGreaterThan(0xe0);
    else expect(ground).toBeLessThan(0x30);
  });
});

async function open(scheme: 'light' | 'dark'): Promise<void> {
  await browser.open(page, { width: 1280, height: 1000, scheme });
  await expect.poll(() => browser.evaluate('document.title'), { timeout: 30_000 }).toBe('ktls decrypt');
}

function written(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** Waits for what the page says, and then for what it shows. */
async function shows(said: string | RegExp): Promise<void> {
  const text = 'document.getElementById("status").textContent';
  await expect
    .poll(() => browser.evaluate(text), { timeout: 30_000 })
    .toEqual(typeof said === 'string' ? expect.stringContaining(said) : expect.stringMatching(said));
  await expect
    .poll(() => browser.evaluate('document.getElementById("shown").contentDocument.readyState'))
    .toBe('complete');
}

function texts(selector: string, from = 'document'): Promise<unknown> {
  return browser.evaluate(
    `[...${from}.querySelectorAll(${JSON.stringify(selector)})].map((found) => found.textContent)`,
  );
}

function shownTexts(selector: string): Promise<unknown> {
  return texts(selector, 'document.getElementById("shown").contentDocument');
}
