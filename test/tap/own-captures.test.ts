import { once } from 'node:events';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Conversation, captureTo, decrypt } from '../../src/keys.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import type { TcpSegment } from '../../src/pcap/network.ts';
import { captureOf, segmentsOf } from '../dissect/captures.ts';
import { pattern } from '../helpers/pattern.ts';
import { cells, echo, wire } from '../keys/wire.ts';

const messages = [pattern(50_000, 1), pattern(3, 2), pattern(20_000, 3)];
const said = Buffer.concat(messages);

interface Captured {
  readonly file: Buffer;
  /** What exportKeys() said before each message, as JSON. */
  readonly exported: readonly string[];
}

/** A connection of ours that changes both directions' keys before the second and the third message. */
async function captured(role: 'client' | 'server', version: 'TLSv1.2' | 'TLSv1.3', ciphers: string): Promise<Captured> {
  const chunks: Buffer[] = [];
  const target = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const capture = captureTo(target);
  const connection = await wire({ role, version, ciphers, ours: { capture, exportKeys: true } });
  const { ours, peer } = connection;
  const exported: string[] = [];
  for (const [index, message] of messages.entries()) {
    if (index > 0 && version === 'TLSv1.3') ours.updateKeys({ requestPeer: true });
    await echo(connection, message);
    exported.push(JSON.stringify(ours.exportKeys()));
  }
  ours.end();
  peer.end();
  await once(ours, 'close');
  await capture.close();
  return { file: Buffer.concat(chunks), exported };
}

describe.each(cells)('%s %s', (version, ciphers) => {
  test.each(['client', 'server'] as const)('captured and exported at the %s', async (role) => {
    const { file, exported } = await captured(role, version, ciphers);
    const epochs = version === 'TLSv1.3' ? 3 : 1;

    const [own] = (await decrypt(file)).conversations;
    expect(own).toMatchObject({ version, problems: [], serverName: 'localhost', alpnProtocol: 'echo' });
    for (const sender of ['client', 'server'] as const) {
      expect(dataOf(own, sender)).toEqual(said);
      expect(new Set(epochsOf(own, sender)).size).toBe(epochs);
    }

    // Without the secrets in the file, and without a key log: only keys.
    const bare = captureOf(segmentsOf(file));
    expect((await decrypt(bare)).conversations[0]?.problems).not.toEqual([]);
    const keysOnly = exported.map((text): unknown => ({ ...JSON.parse(text), keyLog: '' }));
    const [first] = keysOnly;
    expect(dataOf((await decrypt(bare, { keys: first })).conversations[0], 'client')).toEqual(said);
    expect(dataOf((await decrypt(bare, { keys: first })).conversations[0], 'server')).toEqual(said);
    const [last] = (await decrypt(bare, { keys: keysOnly.at(-1) })).conversations;
    expect(new Set(epochsOf(last, 'client'))).toEqual(new Set([epochs - 1]));
    expect(said.subarray(-20_000).equals(dataOf(last, 'client').subarray(-20_000))).toBe(true);
  });
});

describe.each([
  ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'],
] as const)('%s with segments that are missing', (version, ciphers) => {
  test('what is there is opened, under its own number', async () => {
    const { file } = await captured('client', version, ciphers);
    const segments = segmentsOf(file).flatMap(cut);
    // The first full segment of application data.
    const start = segments.findIndex(({ payload }) => payload.length === segmentLength && payload[0] === 23);
    const keyLog = keyLogIn(file);
    const places = (conversation: Conversation | undefined): Map<string, Buffer> =>
      new Map(
        conversation?.records.flatMap(({ sender, epoch, sequenceNumber, plaintext }) =>
          epoch === undefined || plaintext === undefined
            ? []
            : [[`${sender} ${epoch} ${sequenceNumber}`, Buffer.from(plaintext)]],
        ),
      );
    const [whole] = (await decrypt(captureOf(segments), { keyLog })).conversations;
    const all = places(whole);
    expect(all.size).toBeGreaterThan(12);
    for (let lost = start; lost < segments.length - 6; lost += 5) {
      const rest = segments.filter((_, index) => index !== lost);
      const [conversation] = (await decrypt(captureOf(rest), { keyLog })).conversations;
      const found = places(conversation);
      for (const [place, plaintext] of found) expect(all.get(place)?.equals(plaintext)).toBe(true);
      // A segment holds parts of two records at most, and what follows it has to be found.
      expect(all.size - found.size).toBeLessThanOrEqual(3);
    }
  });
});

/** In pieces as a network would carry them. */
function cut(segment: TcpSegment): TcpSegment[] {
  if (segment.payload.length === 0) return [segment];
  return Array.from({ length: Math.ceil(segment.payload.length / segmentLength) }, (_, index) => {
    const start = index * segmentLength;
    const payload = segment.payload.subarray(start, start + segmentLength);
    const sequenceNumber = (segment.sequenceNumber + start) >>> 0;
    return { ...segment, sequenceNumber, payload, payloadLength: payload.length };
  });
}

function keyLogIn(file: Uint8Array): string {
  const items = new CaptureReader().push(file).filter((item) => item.kind === 'keyLog');
  return items.map((item) => Buffer.from(item.bytes).toString()).join('');
}

function dataOf(conversation: Conversation | undefined, sender: 'client' | 'server'): Buffer {
  const data = conversation?.records.filter((record) => record.sender === sender && record.type === 23) ?? [];
  return Buffer.concat(data.flatMap(({ plaintext }) => plaintext ?? []));
}

function epochsOf(conversation: Conversation | undefined, sender: 'client' | 'server'): number[] {
  return conversation?.records.flatMap((record) => (record.sender === sender ? (record.epoch ?? []) : [])) ?? [];
}

const segmentLength = 1400;
