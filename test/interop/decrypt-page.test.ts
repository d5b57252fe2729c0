import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CapturePage, type DecryptionEvent } from '../../src/keys.ts';
import { capture, eventsOf } from '../dissect/captures.ts';
import { Browser } from './browser.ts';
import { coloursIn } from './png.ts';
import { stopPrograms } from './program.ts';

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

describe('the page of ktls decrypt --html, in Chromium', { timeout: 90_000 }, () => {
  test('shows a conversation, its epochs and its records', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    await open('page', await eventsOf(bytes, { keyLog }));
    expect(await texts('.tile p')).toEqual(['1', '17', '40 B', '20 B', expect.stringMatching(/ s$/)]);
    expect(await texts('.chip')).toEqual(['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', 'http/1.1']);
    expect(await texts('.epoch')).toEqual([
      'server keys for the handshake',
      'client keys for the handshake',
      'server epoch 0: keys for application data',
      'client epoch 0: keys for application data',
      'client epoch 1: new keys',
    ]);
    expect(await texts('.record.data .says')).toEqual([
      'one from the client ',
      'one from the server ',
      'two from the client ',
    ]);
    expect(await texts('.record.handshake .says')).toContain('KeyUpdate');
    expect(await count('.timeline .bar.data')).toBe(3);
    expect(await count('.timeline .shade.s1, .timeline .shade.s2')).toBe(5);
  });

  test('contents are shown as text or in hexadecimal, and records by their kind', async () => {
    const shown = (selector: string): Promise<unknown> =>
      browser.evaluate(
        `[...document.querySelectorAll('${selector}')].filter((found) => found.checkVisibility()).length`,
      );
    expect(await shown('pre')).toBe(0);
    await browser.evaluate("document.querySelector('.record.data > summary').click()");
    expect([await shown('pre.text'), await shown('pre.hex')]).toEqual([1, 0]);
    await browser.evaluate("document.getElementById('as-hex').click()");
    expect([await shown('pre.text'), await shown('pre.hex')]).toEqual([0, 1]);
    expect(await texts('.record[open] pre.hex')).toEqual([expect.stringContaining('6f 6e 65 20 66 72 6f 6d')]);
    const handshake = await shown('.record.handshake');
    await browser.evaluate("document.getElementById('show-handshake').click()");
    expect([Number(handshake) > 5, await shown('.record.handshake')]).toEqual([true, 0]);
    expect(await shown('.record.data')).toBe(3);
  });

  test('says what could not be opened, and why', async () => {
    await open('closed', await eventsOf(capture('tls12-gcm').bytes));
    expect(await texts('.problem')).toEqual([expect.stringContaining('there are no secrets of this connection')]);
    expect(Number(await count('.record.closed'))).toBeGreaterThan(3);
    expect(await texts('.tile small')).toContain('7 records not opened');
  });

  test('what was sent stays text, and nothing breaks the page’s policy', async () => {
    const nasty = '</pre><img src=x onerror="document.title=1"><script>document.title = 2</script>';
    const { bytes, keyLog } = capture('tls13-key-update');
    const events = await eventsOf(bytes, { keyLog });
    await open(
      'nasty',
      events.map((event) => withText(event, nasty)),
      nasty,
    );
    expect(await count('img, script')).toBe(0);
    expect(await browser.evaluate('document.title')).toBe(`${nasty} – ktls decrypt`);
    expect(await texts('.record.data pre.text')).toEqual([nasty, nasty, nasty]);
    expect(await texts('.name')).toEqual([nasty]);
    expect(browser.complaints).toEqual([]);
    // The same in the page's own markup would be stopped by its policy.
    await browser.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=3\">')");
    await expect.poll(() => browser.complaints.join(), { timeout: 20_000 }).toMatch(/Content Security Policy/i);
    expect(await browser.evaluate('document.title')).toBe(`${nasty} – ktls decrypt`);
  });

  test('looks like something, in light and in dark', async () => {
    const { bytes, keyLog } = capture('tls13-retry');
    const grounds = [];
    for (const scheme of ['light', 'dark'] as const) {
      await open('looks', await eventsOf(bytes, { keyLog }), 'looks', scheme);
      const colours = [...coloursIn(await browser.screenshot())].toSorted(([, one], [, other]) => other - one);
      expect(colours.length).toBeGreaterThan(50);
      grounds.push(Number.parseInt(colours[0]?.[0].slice(0, 2) ?? '', 16));
    }
    expect(grounds[0]).toBeGreaterThan(0xe0);
    expect(grounds[1]).toBeLessThan(0x30);
  });
});

/** Writes the page of these events and opens it from the file. */
async function open(
  name: string,
  events: readonly DecryptionEvent[],
  title = 'a capture',
  scheme: 'light' | 'dark' = 'light',
): Promise<void> {
  const page = new CapturePage();
  for (const event of events) page.push(event);
  const file = join(folder, `${name}.html`);
  writeFileSync(file, page.html(title));
  await browser.open(pathToFileURL(file).href, { width: 1280, height: 1000, scheme });
  await expect
    .poll(() => browser.evaluate("document.readyState === 'complete' && location.protocol"), { timeout: 30_000 })
    .toBe('file:');
}

/** The event with other data of the application and another server name. */
function withText(event: DecryptionEvent, text: string): DecryptionEvent {
  if (!('conversation' in event)) return event;
  const conversation = facts.get(event.conversation.id) ?? { ...event.conversation, serverName: text };
  facts.set(conversation.id, conversation);
  if (event.kind !== 'record' || event.record.type !== 23) return { ...event, conversation };
  return { kind: 'record', conversation, record: { ...event.record, plaintext: Buffer.from(text) } };
}

async function texts(selector: string): Promise<unknown> {
  return browser.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((found) => found.textContent)`,
  );
}

function count(selector: string): Promise<unknown> {
  return browser.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
}

const facts = new Map<number, Extract<DecryptionEvent, { kind: 'end' }>['conversation']>();
