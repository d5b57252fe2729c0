import { describe, expect, test } from 'vitest';
import { decrypt } from '../../src/keys.ts';
import { capture, captureOf, segmentsOf } from './captures.ts';
import { caseKeyLog, decryptCase, hello, saidBy } from './cases.ts';

describe('a hello that is encrypted (ECH)', () => {
  const keyLog = caseKeyLog('ech');

  test('is opened by the lines of a key log (RFC 9850)', async () => {
    const [conversation] = (await decryptCase('ech')).conversations;
    expect(conversation).toMatchObject({ serverName: 'inner.example', problems: [] });
    expect(saidBy(conversation, 'client')).toBe(hello.client);
  });

  test('is found by trial without them, the name staying hidden', async () => {
    const without = keyLog.replaceAll(/^ECH_.*\n/gm, '');
    expect(without).not.toBe(keyLog);
    const [conversation] = (await decryptCase('ech', { keyLog: caseKeyLog('t13-ccm8') + without })).conversations;
    expect(conversation).toMatchObject({ serverName: 'front.example', problems: [] });
    expect(saidBy(conversation, 'server')).toBe(hello.server);
  });

  test.each([
    ['another secret', /^(ECH_SECRET \w+ )\w\w/m, '$100'],
    ['another configuration', /^(ECH_CONFIG \w+ fe0d003c)\w\w/m, '$1ff'],
    ['a configuration that is cut off', /^(ECH_CONFIG \w+ fe0d).*$/m, '$1'],
  ])('with %s is one of which nothing is known', async (_, pattern, replaced) => {
    const changed = keyLog.replace(pattern, replaced);
    expect(changed).not.toBe(keyLog);
    const [conversation] = (await decryptCase('ech', { keyLog: changed })).conversations;
    // The secrets themselves are found all the same.
    expect(conversation).toMatchObject({ serverName: 'front.example', problems: [] });
  });

  test('that the server did not take: the outer name counts', async () => {
    const outer = keyLog.replaceAll(/^(?!ECH).*\n?/gm, '');
    const [conversation] = (await decryptCase('ech', { keyLog: outer })).conversations;
    expect(conversation?.serverName).toBe('front.example');
    expect(conversation?.problems[0]?.reason).toContain('there are no secrets of this connection');
  });
});

test('a connection of TLS 1.3 without its ClientHello is found among those that there are secrets of', async () => {
  const { bytes, keyLog } = capture('tls13-retry');
  const segments = segmentsOf(bytes).map((segment) =>
    // Without all that the client says in clear.
    segment.source.port !== 45672 && segment.payload[0] === 22 ? { ...segment, payload: new Uint8Array() } : segment,
  );
  const [conversation] = (await decrypt(captureOf(segments), { keyLog })).conversations;
  expect(saidBy(conversation, 'server')).toBe('one from the server');
});

describe('several secrets for one label', () => {
  const wrong = (keyLog: string): string => keyLog.replaceAll(/[0-9a-f]{4}$/gm, 'abcd');

  test.each(['tls12-gcm', 'tls12-cbc', 'tls13-retry', 'tls13-key-update', 'tls13-early-data'] as const)(
    '%s: each is tried, whichever stands first',
    async (name) => {
      const { bytes, keyLog } = capture(name);
      for (const both of [keyLog + wrong(keyLog), wrong(keyLog) + keyLog]) {
        const [conversation] = (await decrypt(bytes, { keyLog: both })).conversations;
        expect(saidBy(conversation, 'client')).toContain('one from the client|two from the client');
        expect(saidBy(conversation, 'server')).toBe('one from the server');
        expect(conversation?.problems).toEqual([]);
      }
    },
  );
});

describe('TLS in TLS', () => {
  test('is a conversation of its own, within the other', async () => {
    const { conversations, problems } = await decryptCase('tls-in-tls');
    expect(problems).toEqual([]);
    expect(conversations.map(({ id, within }) => [id, within])).toEqual([
      [1, undefined],
      [2, 1],
      [3, undefined],
      [4, undefined],
    ]);
    const [outer, inner] = conversations;
    expect(saidBy(outer, 'client')).toMatch(/^CONNECT /);
    expect(saidBy(inner, 'client')).toMatch(/^GET \/intls HTTP\/1\.1/);
    expect(saidBy(inner, 'server')).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(inner).toMatchObject({ version: 'TLSv1.3', alpnProtocol: 'http/1.1', problems: [] });
    const bytes = conversations.flatMap(({ records }) => records.filter(({ type }) => type === 23));
    // What Wireshark shows of the three TCP connections, and what is within.
    expect(bytes.reduce((sum, { plaintext }) => sum + (plaintext?.length ?? 0), 0)).toBe(14_601 + 83 + 3143);
  });
});
