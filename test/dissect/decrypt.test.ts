import { describe, expect, test } from 'vitest';
import type { DecryptedRecord } from '../../src/dissect/conversation.ts';
import { RecordStream } from '../../src/dissect/record-stream.ts';
import { type Conversation, decrypt, protectionText } from '../../src/keys.ts';
import {
  decryptionSecrets,
  enhancedPacket,
  interfaceDescription,
  sectionHeader,
} from '../../src/pcap/pcapng-writer.ts';
import { type CaptureName, capture, captureOf, packetsOf, segmentsOf } from './captures.ts';

const cases: readonly [CaptureName, { version: string; cipherSuite: string; alpnProtocol?: string }][] = [
  [
    'tls12-gcm',
    { version: 'TLSv1.2', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', alpnProtocol: 'http/1.1' },
  ],
  ['tls12-cbc', { version: 'TLSv1.2', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA' }],
  ['tls12-cbc-encrypt-then-mac', { version: 'TLSv1.2', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256' }],
  ['tls13-key-update', { version: 'TLSv1.3', cipherSuite: 'TLS_CHACHA20_POLY1305_SHA256', alpnProtocol: 'http/1.1' }],
  ['tls13-retry', { version: 'TLSv1.3', cipherSuite: 'TLS_AES_256_GCM_SHA384' }],
  ['tls13-early-data', { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256' }],
  ['tls12-renegotiation', { version: 'TLSv1.2', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384' }],
  ['tls12-ccm', { version: 'TLSv1.2', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_256_CCM' }],
  ['tls13-ccm', { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_CCM_SHA256' }],
  ['tls11', { version: 'TLSv1.1', cipherSuite: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA' }],
];

describe.each(cases)('%s', (name, facts) => {
  const early = name === 'tls13-early-data' ? 'early from the client\n' : '';
  const said = { client: `${early}one from the client\ntwo from the client\n`, server: 'one from the server\n' };

  test('both ends’ data, and what was negotiated', async () => {
    const { file, keyLog } = capture(name);
    const { conversations, problems } = await decrypt(file, { keyLog });
    expect(problems).toEqual([]);
    expect(conversations).toHaveLength(1);
    const [conversation] = conversations;
    expect(conversation).toMatchObject({ id: 1, serverName: 'localhost', ended: 'fin', problems: [], ...facts });
    expect(saidBy(conversation, 'client')).toBe(said.client);
    expect(saidBy(conversation, 'server')).toBe(said.server);
    expect(conversation?.server.address).toBe('127.0.0.1');
    expect(keyLog).toContain(` ${conversation?.clientRandom} `);
  });

  test('every record has its place', async () => {
    const { bytes, keyLog } = capture(name);
    const [conversation] = (await decrypt(bytes, { keyLog })).conversations;
    for (const sender of ['client', 'server'] as const) {
      let [keys, next] = ['', 0n];
      for (const record of conversation?.records.filter((candidate) => candidate.sender === sender) ?? []) {
        if (record.protection === 'none') continue;
        if (protectionText(record) !== keys) next = 0n;
        keys = protectionText(record);
        expect(record.sequenceNumber).toBe(next++);
      }
      // close_notify is the last.
      expect(conversation?.records.findLast((record) => record.sender === sender)?.type).toBe(21);
    }
  });

  test('without secrets: all records, none opened, and why', async () => {
    const [conversation] = (await decrypt(capture(name).bytes)).conversations;
    expect(conversation).toMatchObject({
      ...facts,
      alpnProtocol: facts.version === 'TLSv1.2' ? facts.alpnProtocol : undefined,
    });
    expect(conversation?.records.filter((record) => record.type === 23).map((record) => record.plaintext)).toContain(
      undefined,
    );
    expect(conversation?.records.some((record) => record.type === 23 && record.plaintext)).toBe(false);
    expect(conversation?.problems.map(({ reason }) => reason)).toContain(
      `there are no secrets of this connection, whose client random is ${conversation?.clientRandom}`,
    );
  });

  test('with secrets that are of another connection: the same', async () => {
    const { bytes, keyLog } = capture(name);
    const wrong = keyLog.replaceAll(/[0-9a-f]{8}$/gm, (digits) => (digits === '00000000' ? '00000001' : '00000000'));
    const [conversation] = (await decrypt(bytes, { keyLog: wrong })).conversations;
    expect(conversation?.records.some((record) => record.type === 23 && record.plaintext)).toBe(false);
    expect(conversation?.problems.length).toBeGreaterThan(0);
  });

  test('secrets in the file itself, even behind the packets', async () => {
    const { bytes, keyLog } = capture(name);
    const packets = packetsOf(bytes).map(({ time, bytes: packet }) => enhancedPacket({ time, packet }));
    const file = [sectionHeader(), interfaceDescription({ linkType: 1 }), ...packets, decryptionSecrets(keyLog)];
    const [conversation] = (await decrypt(Buffer.concat(file))).conversations;
    expect(saidBy(conversation, 'client')).toBe(said.client);
  });

  test('packets in the worst order', async () => {
    const { bytes, keyLog } = capture(name);
    const segments = segmentsOf(bytes);
    const [first] = segments;
    const fromServer = segments.filter(({ source }) => source.port !== first?.source.port);
    const fromClient = segments.filter(({ source }) => source.port === first?.source.port);
    // With two handshakes it matters which hello came before which change of keys: no direction can come alone.
    const apart = [
      [...fromServer, ...fromClient],
      [...fromClient, ...fromServer],
      [...segments.filter(({ syn }) => syn), ...segments.filter(({ syn }) => !syn).toReversed()],
    ];
    for (const order of [
      ...(name === 'tls12-renegotiation' ? [] : apart),
      segments.flatMap((segment) => [segment, segment]),
    ]) {
      const [conversation] = (await decrypt(captureOf(order), { keyLog })).conversations;
      expect(saidBy(conversation, 'client')).toBe(said.client);
      expect(saidBy(conversation, 'server')).toBe(said.server);
    }
  });
});

describe('what a KeyUpdate does', () => {
  test('is another epoch for its sender, with numbers that begin again', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    const [conversation] = (await decrypt(bytes, { keyLog })).conversations;
    expect(dataOf(conversation, 'client').map(({ epoch, sequenceNumber }) => [epoch, sequenceNumber])).toEqual([
      [0, 0n],
      [1, 0n],
    ]);
    expect(dataOf(conversation, 'server').map(({ epoch }) => epoch)).toEqual([0]);
  });

  test('is seen by what follows where the message itself is missing', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    // Between the two lines, the client sends nothing but the KeyUpdate.
    const fromClient = segmentsOf(bytes).filter(
      ({ destination, payload }) => destination.port === 45672 && payload.length > 0,
    );
    const keyUpdate = fromClient.at(-3);
    const rest = segmentsOf(bytes).map((segment) =>
      segment.sequenceNumber === keyUpdate?.sequenceNumber && segment.payload.length === keyUpdate.payload.length
        ? // The header stays: it tells where the next record begins.
          { ...segment, payload: segment.payload.subarray(0, 5) }
        : segment,
    );
    const [conversation] = (await decrypt(captureOf(rest), { keyLog })).conversations;
    expect(saidBy(conversation, 'client')).toBe('one from the client\ntwo from the client\n');
    expect(conversation?.problems.map(({ reason }) => reason)).toEqual(['the capture lacks parts of records']);
  });
});

describe('bytes that are missing', () => {
  test('within a record: that record is lost, and no other', async () => {
    const { bytes, keyLog } = capture('tls12-gcm');
    const segments = segmentsOf(bytes).map((segment) =>
      segment.payload.length === 49 && segment.source.port !== 45672 && segment.payload[0] === 23
        ? { ...segment, payload: segment.payload.subarray(0, 20) }
        : segment,
    );
    const [conversation] = (await decrypt(captureOf(segments), { keyLog })).conversations;
    expect(saidBy(conversation, 'client')).toBe('');
    expect(conversation?.records.findLast(({ sender }) => sender === 'client')).toMatchObject({
      type: 21,
      epoch: 0,
      sequenceNumber: 3n,
    });
  });

  test('with the beginning of a record: those behind it are found again, and their number', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    const lost = segmentsOf(bytes).find(({ source, payload }) => source.port !== 45672 && payload.length === 42);
    const rest = segmentsOf(bytes).filter(({ sequenceNumber }) => sequenceNumber !== lost?.sequenceNumber);
    const [conversation] = (await decrypt(captureOf(rest), { keyLog })).conversations;
    expect(saidBy(conversation, 'client')).toBe('two from the client\n');
    const behind = conversation?.records.filter(
      ({ sender, protection }) => sender === 'client' && protection === 'application',
    );
    expect(behind?.map(({ type, epoch, sequenceNumber }) => [type, epoch, sequenceNumber])).toEqual([
      [22, 0, 1n],
      [23, 1, 0n],
      [21, 1, 1n],
    ]);
    expect(saidBy(conversation, 'server')).toBe('one from the server\n');
    expect(conversation?.problems).toMatchObject([
      { sender: 'client', reason: '42 bytes are missing from the capture, and records with them' },
    ]);
  });

  test('with the beginning of a record of TLS 1.1: the same', async () => {
    const { bytes, keyLog } = capture('tls11');
    const data = segmentsOf(bytes).filter(({ source, payload }) => source.port !== 45672 && payload[0] === 23);
    const rest = segmentsOf(bytes).filter(({ sequenceNumber }) => sequenceNumber !== data[0]?.sequenceNumber);
    const [conversation] = (await decrypt(captureOf(rest), { keyLog })).conversations;
    expect(saidBy(conversation, 'client')).toBe('two from the client\n');
  });

  test('with a change of keys: the next keys are found, too', async () => {
    for (const name of ['tls12-gcm', 'tls12-cbc', 'tls13-retry'] as const) {
      const { bytes, keyLog } = capture(name);
      // The client's last flight of the handshake, which ends with Finished.
      const flight = segmentsOf(bytes).filter(({ source, payload }) => source.port !== 45672 && payload.length > 0);
      const last =
        flight.find(({ payload }) => payload[0] === 23 && payload.length < 100 && name !== 'tls13-retry') ?? flight[2];
      const index = flight.findIndex(({ sequenceNumber }) => sequenceNumber === last?.sequenceNumber);
      const lost = name === 'tls13-retry' ? last : flight[index - 1];
      const rest = segmentsOf(bytes).filter(({ sequenceNumber }) => sequenceNumber !== lost?.sequenceNumber);
      const [conversation] = (await decrypt(captureOf(rest), { keyLog })).conversations;
      expect(saidBy(conversation, 'client')).toBe('one from the client\ntwo from the client\n');
    }
  });

  test('at the start of the connection: said, once', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    const segments = segmentsOf(bytes);
    const late = segments.slice(segments.findIndex(({ payload }) => payload.length === 42));
    const { conversations } = await decrypt(captureOf(late), { keyLog });
    expect(conversations).toMatchObject([
      {
        version: undefined,
        records: [],
        problems: [{ reason: 'the capture does not have the beginning of this connection' }],
      },
    ]);
  });

  test('the other direction: records wait for its hello, and then say that it is missing', async () => {
    const { bytes, keyLog } = capture('tls13-key-update');
    const oneWay = segmentsOf(bytes).filter(({ source }) => source.port !== 45672);
    const [conversation] = (await decrypt(captureOf(oneWay), { keyLog })).conversations;
    expect(conversation?.problems.map(({ reason }) => reason)).toContain(
      'the capture has no ServerHello of this connection',
    );
    expect(conversation?.records.filter(({ type }) => type === 23).length).toBeGreaterThan(2);
  });
});

test('0-RTT without its secret is told, and what follows is read', async () => {
  const { bytes, keyLog } = capture('tls13-early-data');
  const without = keyLog.replace(/^CLIENT_EARLY_TRAFFIC_SECRET.*\n/m, '');
  expect(without).not.toBe(keyLog);
  const [conversation] = (await decrypt(bytes, { keyLog: without })).conversations;
  expect(saidBy(conversation, 'client')).toBe('one from the client\ntwo from the client\n');
  expect(conversation?.problems).toMatchObject([
    { sender: 'client', reason: expect.stringContaining('early data (0-RTT)') },
  ]);
});

test('without the secrets of the handshake, the application’s data are read all the same', async () => {
  const { bytes, keyLog } = capture('tls13-retry');
  const without = keyLog.replaceAll(/^\w+_HANDSHAKE_TRAFFIC_SECRET.*\n/gm, '');
  const [conversation] = (await decrypt(bytes, { keyLog: without })).conversations;
  expect(saidBy(conversation, 'client')).toBe('one from the client\ntwo from the client\n');
  expect(saidBy(conversation, 'server')).toBe('one from the server\n');
  expect(conversation?.problems.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('records of the handshake'),
    expect.stringContaining('records of the handshake'),
  ]);
});

test.each(['tls12-cbc', 'tls12-cbc-encrypt-then-mac'] as const)(
  '%s: a record that was changed is not opened',
  async (name) => {
    const { bytes, keyLog } = capture(name);
    const changed = segmentsOf(bytes).map((segment) => {
      const { payload } = segment;
      if (payload[0] !== 23) return segment;
      // The first byte of the IV changes one of the content and nothing of the padding: only the MAC tells.
      const copy = payload.slice();
      copy[5] = (copy[5] ?? 0) ^ 1;
      return { ...segment, payload: copy };
    });
    const [conversation] = (await decrypt(captureOf(changed), { keyLog })).conversations;
    expect(saidBy(conversation, 'client')).toBe('');
    expect(conversation?.records.at(-1)).toMatchObject({ type: 21, protection: 'application' });
  },
);

test('a record in pieces does not lean on memory that is used again', () => {
  const stream = new RecordStream();
  const record = Uint8Array.of(22, 3, 1, 0, 6, 1, 0, 0, 2, 7, 8);
  const first = record.slice(0, 7);
  expect(stream.push({ bytes: first, time: 0n })).toEqual([]);
  first.fill(0);
  expect(stream.push({ bytes: record.slice(7), time: 1n })).toEqual([{ kind: 'record', record, time: 1n }]);
});

test('a version that is not supported is told', async () => {
  const { bytes, keyLog } = capture('tls11');
  // Both hellos and the records: SSL 3.0 instead.
  const older = segmentsOf(bytes).map((segment) => {
    const payload = segment.payload.slice();
    for (let at = 0; at + 1 < payload.length; at++) if (payload[at] === 3 && payload[at + 1] === 2) payload[at + 1] = 0;
    return { ...segment, payload };
  });
  const [conversation] = (await decrypt(captureOf(older), { keyLog })).conversations;
  expect(conversation).toMatchObject({ version: 'SSLv3', problems: [{ reason: 'SSLv3 is not supported' }] });
  expect(conversation?.records[0]).toMatchObject({ type: 22, protection: 'none' });
});

test('a renegotiation begins another epoch', async () => {
  const { bytes, keyLog } = capture('tls12-renegotiation');
  const [conversation] = (await decrypt(bytes, { keyLog })).conversations;
  expect(dataOf(conversation, 'client').map(({ epoch, sequenceNumber }) => [epoch, sequenceNumber])).toEqual([
    [0, 1n],
    [1, 1n],
  ]);
});

test('TLS that begins within another protocol is found', async () => {
  const { bytes, keyLog } = capture('tls12-gcm');
  const before = { client: Buffer.from('STARTTLS\r\n'), server: Buffer.from('220 ready\r\n') };
  const segments = segmentsOf(bytes).flatMap((segment) => {
    const sender = segment.source.port === 45672 ? 'server' : 'client';
    if (!segment.syn) return [{ ...segment, sequenceNumber: (segment.sequenceNumber + before[sender].length) >>> 0 }];
    const words = before[sender];
    const spoken = { ...segment, syn: false, sequenceNumber: (segment.sequenceNumber + 1) >>> 0, payload: words };
    return [segment, { ...spoken, payloadLength: words.length }];
  });
  const [conversation] = (await decrypt(captureOf(segments), { keyLog })).conversations;
  expect(saidBy(conversation, 'client')).toBe('one from the client\ntwo from the client\n');
  expect(conversation?.problems).toEqual([]);
});

test('two connections of the same ports, one after the other', async () => {
  const [one, two] = [capture('tls12-gcm'), capture('tls13-retry')];
  const moved = segmentsOf(two.bytes).map((segment) => ({
    ...segment,
    ...(segment.source.port === 45672
      ? { destination: segmentsOf(one.bytes)[0]?.source ?? segment.destination }
      : { source: segmentsOf(one.bytes)[0]?.source ?? segment.source }),
  }));
  const both = captureOf([...segmentsOf(one.bytes), ...moved]);
  const { conversations } = await decrypt(both, { keyLog: one.keyLog + two.keyLog });
  expect(conversations.map(({ version, id }) => [version, id])).toEqual([
    ['TLSv1.2', 1],
    ['TLSv1.3', 2],
  ]);
  for (const conversation of conversations) expect(saidBy(conversation, 'server')).toBe('one from the server\n');
});

test('the same connection twice, as in a file that was appended to itself', async () => {
  const { bytes, keyLog } = capture('tls12-gcm');
  const once = captureOf(segmentsOf(bytes));
  const { conversations } = await decrypt(Buffer.concat([once, once]), { keyLog });
  expect(conversations.map(({ id }) => id)).toEqual([1, 2]);
  for (const conversation of conversations) expect(saidBy(conversation, 'server')).toBe('one from the server\n');
});

test('a file that is not there is a system error', async () => {
  await expect(decrypt(new URL('captures/none.pcap', import.meta.url))).rejects.toMatchObject({ code: 'ENOENT' });
});

test.each([
  ['', 'the file is empty'],
  ['hello, world', 'the file is neither pcap nor pcapng, it begins with 68 65 6c 6c'],
  ['\x1f\x8b\x08\x00', 'what is compressed with gzip is damaged or cut off'],
])('a file that is no capture: %j', async (text, problem) => {
  expect(await decrypt(Buffer.from(text, 'latin1'))).toEqual({ conversations: [], problems: [problem], unused: [] });
});

function dataOf(conversation: Conversation | undefined, sender: 'client' | 'server'): DecryptedRecord[] {
  return conversation?.records.filter((record) => record.sender === sender && record.type === 23) ?? [];
}

function saidBy(conversation: Conversation | undefined, sender: 'client' | 'server'): string {
  return Buffer.concat(dataOf(conversation, sender).flatMap(({ plaintext }) => plaintext ?? [])).toString();
}
