import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConversationFacts, DecryptedRecord, DecryptionEvent } from '../../src/keys.ts';
import { CapturePage, decrypt, eventJson, PlaintextPcapng, streamData } from '../../src/keys.ts';
import { capture, eventsOf, segmentsOf } from './captures.ts';

const { bytes, keyLog } = capture('tls13-key-update');
const events = await eventsOf(bytes, { keyLog });
const said = { client: 'one from the client\ntwo from the client\n', server: 'one from the server\n' };

test('streams: what each end said', () => {
  for (const sender of ['client', 'server'] as const) {
    const pieces = events.flatMap((event) => streamData(event) ?? []).filter((data) => data.sender === sender);
    expect(Buffer.concat(pieces.map((data) => data.bytes)).toString()).toBe(said[sender]);
  }
});

describe('JSON', () => {
  const lines = events.map((event) => JSON.parse(JSON.stringify(eventJson(event))));

  test('a line each, with the facts at the end', () => {
    expect(lines[0]).toMatchObject({
      event: 'conversation',
      conversation: 1,
      client: '127.0.0.1:47856',
    });
    expect(lines.at(-1)).toMatchObject({
      event: 'end',
      conversation: 1,
      server: '127.0.0.1:45672',
      startTime: '2026-11-24T15:13:32.672957345Z',
      version: 'TLSv1.3',
      cipherSuite: 'TLS_CHACHA20_POLY1305_SHA256',
      serverName: 'localhost',
      alpnProtocol: 'http/1.1',
      ended: 'fin',
    });
  });

  test('records with their place and their bytes', () => {
    expect(lines.filter(({ type, sender }) => type === 'application_data' && sender === 'client')).toMatchObject([
      {
        event: 'record',
        protection: 'application',
        epoch: 0,
        sequenceNumber: 0,
        plaintext: Buffer.from('one from the client\n').toString('hex'),
      },
      { event: 'record', epoch: 1, sequenceNumber: 0, length: 37 },
    ]);
    expect(lines[1]).toMatchObject({
      type: 'handshake',
      protection: 'none',
      epoch: null,
      sequenceNumber: null,
      sender: 'client',
    });
  });

  test('what could not be done', async () => {
    const closed = (await eventsOf(bytes)).map(eventJson);
    expect(closed).toContainEqual(expect.objectContaining({ event: 'problem', conversation: 1, sender: null }));
    expect(closed).toContainEqual(expect.objectContaining({ event: 'record', protection: null, plaintext: null }));
    const [problem] = (await eventsOf(Buffer.from('nonsense'))).map(eventJson);
    expect(problem).toMatchObject({ event: 'problem', conversation: null, reason: expect.stringContaining('neither') });
  });
});

describe('a capture without TLS', () => {
  test('has the same ends, and the data in order', () => {
    const pcapng = new PlaintextPcapng();
    const file = Buffer.concat([...pcapng.start(), ...events.flatMap((event) => pcapng.push(event))]);
    const segments = segmentsOf(file);
    expect(segments.map(({ syn, fin }) => [syn, fin].map(Number).join(''))).toEqual([
      '10',
      '10',
      '00',
      '00',
      '00',
      '00',
      '01',
      '01',
      '00',
    ]);
    const data = segments.filter(({ payload }) => payload.length > 0);
    expect(data.map(({ source, payload }) => [source.port, Buffer.from(payload).toString()])).toEqual([
      [47856, 'one from the client\n'],
      [45672, 'one from the server\n'],
      [47856, 'two from the client\n'],
    ]);
    expect(segments[0]?.source).toEqual({ address: '127.0.0.1', port: 47856 });
    const times = segments.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((one, other) => Number(one - other)));
    expect(file.includes('127.0.0.1:47856 to 127.0.0.1:45672: TLSv1.3, TLS_CHACHA20_POLY1305_SHA256')).toBe(true);
    expect(file.includes('epoch 1, record 0')).toBe(true);
  });

  test('servers have the port of the protocol without TLS', () => {
    const pcapng = new PlaintextPcapng();
    const conversation = {
      ...facts(),
      server: { address: '2001:db8::1', port: 443 },
      client: { address: '2001:db8::2', port: 5 },
    };
    const blocks = pcapng.push({ kind: 'record', conversation, record: record('hello') });
    const [syn] = segmentsOf(Buffer.concat([...pcapng.start(), ...blocks]));
    expect(syn?.destination).toEqual({ address: '2001:db8::1', port: 80 });
  });
});

describe('the page', () => {
  test('shows conversations, epochs and records', () => {
    const html = pageOf(events);
    for (const text of [
      '127.0.0.1:47856 <i>→</i> 127.0.0.1:45672',
      'TLS_CHACHA20_POLY1305_SHA256',
      '<b>client</b> epoch 1: new keys',
      '>KeyUpdate<',
      '>close_notify<',
      '<pre class="text">two from the client\n</pre>',
      '0000  74 77 6f 20 66 72 6f 6d  20 74 68 65 20 63 6c 69  two from the cli',
    ]) {
      expect(html).toContain(text);
    }
  });

  test('has no secrets', () => {
    const html = pageOf(events);
    for (const [, secret = ''] of keyLog.matchAll(/ (\w+)$/gm)) expect(html).not.toContain(secret.slice(0, 32));
  });

  test('what was sent stays text, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.constantFrom(...'<>&"\'/!-abc= \n') }),
        (any, nasty) => {
          const texts = [any, nasty, '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</pre></style>'];
          const html = pageOf(
            texts.flatMap((text, index) => {
              const conversation = { ...facts(), id: index, serverName: text, alpnProtocol: text, cipherSuite: text };
              return [
                { kind: 'record' as const, conversation, record: record(text) },
                { kind: 'problem' as const, conversation, problem: { time: 0n, sender: undefined, reason: text } },
              ];
            }),
            nasty,
          );
          const markup = html.replace(/<style>.*?<\/style>/s, '');
          const tags = new Set([...markup.matchAll(/<\/?([^\s>]*)/g)].map(([, name]) => name));
          for (const name of tags) expect(knownTags).toContain(name);
          expect(markup).not.toMatch(/<[^>]*\son\w+=/);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('shows beginnings only of what is large, and says so', () => {
    const conversation = facts();
    const large: DecryptionEvent[] = Array.from({ length: 5100 }, () => ({
      kind: 'record',
      conversation,
      record: record('x'.repeat(16_384)),
    }));
    const html = pageOf(large);
    expect(html.length).toBeLessThan(10 * 2 ** 20);
    expect(html).toContain('100 more records not shown');
    expect(html).toContain('14,336 more bytes not shown');
    expect(html).toContain('83.6 MB');
  });

  test('of nothing says so', async () => {
    const html = pageOf(await eventsOf(Buffer.from('nonsense')));
    expect(html).toContain('No TLS connections were found');
    expect(html).toContain('neither pcap nor pcapng');
  });
});

test('lists and events tell the same', async () => {
  const { conversations } = await decrypt(bytes, { keyLog });
  const records = events.filter((event) => event.kind === 'record').map((event) => event.record);
  expect(conversations[0]?.records).toEqual(records);
});

function pageOf(all: readonly DecryptionEvent[], title = 'a capture'): string {
  const page = new CapturePage();
  for (const event of all) page.push(event);
  return page.html(title);
}

function facts(): ConversationFacts {
  return {
    id: 1,
    within: undefined,
    client: { address: '192.0.2.1', port: 50_000 },
    server: { address: '192.0.2.2', port: 443 },
    startTime: 0n,
    endTime: 10n,
    ended: 'fin',
    version: 'TLSv1.3',
    cipherSuite: 'TLS_AES_128_GCM_SHA256',
    serverName: undefined,
    alpnProtocol: undefined,
    clientRandom: undefined,
  };
}

function record(text: string): DecryptedRecord {
  const plaintext = Buffer.from(text);
  return {
    time: 5n,
    sender: 'client',
    type: 23,
    protection: 'application',
    epoch: 0,
    sequenceNumber: 0n,
    length: plaintext.length + 17,
    plaintext,
  };
}

const knownTags = [
  ...[
    '!doctype',
    'html',
    'head',
    'meta',
    'title',
    'body',
    'header',
    'main',
    'footer',
    'section',
    'form',
    'fieldset',
    'legend',
  ],
  ...[
    'label',
    'input',
    'details',
    'summary',
    'div',
    'span',
    'p',
    'h1',
    'h2',
    'b',
    'i',
    'small',
    'pre',
    'svg',
    'rect',
    'path',
  ],
];
