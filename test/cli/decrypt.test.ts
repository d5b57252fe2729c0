import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { ConversationReport } from '../../src/cli/decrypt/conversation-report.ts';
import { Report } from '../../src/cli/report.ts';
import { decryptEvents, eventJson } from '../../src/keys.ts';
import { enhancedPacket, interfaceDescription, sectionHeader } from '../../src/pcap/pcapng-writer.ts';
import { capture, segmentsOf } from '../dissect/captures.ts';
import { caseFile } from '../dissect/cases.ts';
import { hex } from '../helpers/hex.ts';
import { unless } from '../helpers/unless.ts';
import { Ktls, runKtls, stopAll } from './run-ktls.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-decrypt-'));
const { file, keyLog } = capture('tls13-key-update');
const path = fileURLToPath(file);
const secrets = join(folder, 'secrets.log');
writeFileSync(secrets, keyLog);
const others = join(folder, 'others.pcapng');
const dns = hex('0800', '4500001c0000000040110000', '7f0000017f000001', '0035003500080000');
const frames = [hex('0806'), hex('0806'), dns].map((rest) => Buffer.concat([new Uint8Array(12), rest]));
writeFileSync(
  others,
  Buffer.concat([
    sectionHeader(),
    interfaceDescription({ linkType: 1 }),
    ...frames.map((packet) => enhancedPacket({ time: 0n, packet })),
  ]),
);

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

describe('ktls decrypt', { timeout: 60_000 }, () => {
  test('prints conversations for people', async () => {
    const { status, stdout, stderr } = await runKtls('decrypt', path, '--keylog', secrets);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^1 {2}127\.0\.0\.1:47856 → 127\.0\.0\.1:45672 {2}TLSv1\.3, TLS_CHACHA20_POLY1305_SHA256, localhost/m,
    );
    expect(stdout).toMatch(/client {2}application_data +epoch 1, 0 +20 B {2}two from the client$/m);
    expect(stdout).toMatch(/client {2}handshake +epoch 0, 1 +5 B {2}KeyUpdate$/m);
  });

  test('--json: an event a line', async () => {
    const { status, stdout } = await runKtls('decrypt', path, '--keylog', secrets, '--json');
    expect(status).toBe(0);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['conversation', ...Array(17).fill('record'), 'end']);
    // At the end of each is known what was not at the beginning.
    const told: unknown[] = [];
    for await (const event of decryptEvents(file, { keyLog })) told.push(JSON.parse(JSON.stringify(eventJson(event))));
    expect(events).toEqual(told);
  });

  test('writes a page, a capture and streams, for the owner only', async () => {
    const [html, pcapng, streams] = ['a.html', 'a.pcapng', 'streams'].map((name) => join(folder, name));
    const words = ['--html', html, '--pcapng', pcapng, '--streams', streams].map(String);
    for (const _ of ['once', 'again']) {
      const { status, stdout, stderr } = await runKtls('decrypt', path, '--keylog', secrets, ...words);
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
      expect(stderr).toBe([html, pcapng, streams].map((written) => `written: ${written}\n`).join(''));
    }
    expect(readFileSync(String(html), 'utf8')).toContain('two from the client');
    expect(segmentsOf(readFileSync(String(pcapng))).length).toBe(9);
    expect(readdirSync(String(streams))).toEqual(['1-client', '1-server']);
    const said = join(String(streams), '1-client');
    expect(readFileSync(said, 'utf8')).toBe('one from the client\ntwo from the client\n');
    if (process.platform === 'win32') return;
    for (const written of [html, pcapng, said]) expect(statSync(String(written)).mode & 0o077).toBe(0);
  });

  test('reads standard input and pipes, compressed too', async () => {
    const ktls = new Ktls(['decrypt', '-', '--keylog', secrets]);
    const compressed = gzipSync(readFileSync(file));
    ktls.child.stdin.write(compressed.subarray(0, 100));
    ktls.child.stdin.end(compressed.subarray(100));
    const { status, stdout, stderr } = await ktls.ended();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('two from the client');
    const empty = await runKtls('decrypt', '-', '--keylog', secrets);
    expect(empty).toMatchObject({ status: 1, stderr: expect.stringContaining('the file is empty') });
  });

  unless(process.platform === 'win32' && 'not on Windows', test)(
    'Ctrl-C ends what has no end, and all of it is told',
    async () => {
      const ktls = new Ktls(['decrypt', '-', '--keylog', secrets, '--json']);
      const whole = readFileSync(file);
      ktls.child.stdin.write(whole.subarray(0, whole.length - 400));
      await ktls.said(/"plaintext":"74776f20/);
      ktls.interrupt();
      const { status, stdout } = await ktls.ended();
      expect(status).toBe(0);
      expect(stdout).toMatch(/"event":"end","conversation":1,.*"ended":"capture"/);
    },
  );

  test('takes a private key, and says what was not used', async () => {
    const words = [caseFile('rsa-resumed.pcapng'), caseFile('rsa-resumed.key')].map((url) => fileURLToPath(url));
    const { status, stdout } = await runKtls('decrypt', String(words[0]), '--private-key', String(words[1]));
    expect(status).toBe(0);
    expect(stdout.match(/hello two/g)).toHaveLength(2);
    const both = join(folder, 'both.pcapng');
    writeFileSync(both, Buffer.concat([readFileSync(others), readFileSync(String(words[0]))]));
    const mixed = await runKtls('decrypt', both, '--private-key', String(words[1]));
    expect(mixed.stdout).toMatch(/^not used: 2 ARP, 1 DNS$/m);
    const json = await runKtls('decrypt', both, '--private-key', String(words[1]), '--json');
    expect(JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual({
      event: 'unused',
      unused: [
        { what: 'ARP', count: 2 },
        { what: 'DNS', count: 1 },
      ],
    });
  });

  test('TLS in TLS is told as such', async () => {
    const words = [caseFile('tls-in-tls.pcapng'), caseFile('tls-in-tls.log')].map((url) => fileURLToPath(url));
    const { stdout } = await runKtls('decrypt', String(words[0]), '--keylog', String(words[1]));
    expect(stdout).toMatch(/^2 {2}127\.0\.0\.1:48650 → 127\.0\.0\.1:8889 {2}within 1, TLSv1\.3/m);
  });

  test('takes what exportKeys() gave', async () => {
    const keys = join(folder, 'keys.json');
    const clientRandom = /^\w+ (\w+)/.exec(keyLog)?.[1];
    writeFileSync(keys, JSON.stringify([{ clientRandom, keyLog }]));
    const { status, stdout } = await runKtls('decrypt', path, '--keys', keys);
    expect(status).toBe(0);
    expect(stdout).toContain('two from the client');
  });

  test.each<[string, string[], number, RegExp]>([
    ['no file', [], 2, /decrypt wants the file of a capture/],
    ['two files', [path, path], 2, /decrypt takes one file/],
    ['a file that is not there', [join(folder, 'none')], 1, /none: there is no such file/],
    ['no capture', [secrets], 1, /the file is neither pcap nor pcapng/],
    ['no secrets', [path], 1, /nothing could be decrypted: there are no secrets .*\nGive the secrets with --keylog/],
    [
      'packets of other kinds',
      [others],
      1,
      /^ktls: there are no TLS connections in this capture: it has 2 ARP, 1 DNS\n/,
    ],
    [
      'a private key that is none',
      [path, '--private-key', secrets],
      1,
      /^ktls: the private key is no RSA key[^\n]*\n$/,
    ],
    ['keys that are no JSON', [path, '--keys', secrets], 1, /secrets\.log: this is no JSON/],
    [
      'keys of something else',
      [path, '--keys', fileURLToPath(new URL('../../package.json', import.meta.url))],
      1,
      /^ktls: keys\[0\]\.clientRandom is not in hexa/,
    ],
    ['output over the input', [path, '--pcapng', path], 2, /is read, and cannot be written too/],
  ])('%s', async (_, words, code, message) => {
    const { status, stderr } = await runKtls('decrypt', ...words);
    expect(status).toBe(code);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/[0-9a-f]{64} [0-9a-f]{64}/);
  });

  test('what was sent cannot steer the terminal', async () => {
    let written = '';
    const report = new ConversationReport(new Report({ write: (text) => (written += text) }));
    const nasty = '\x1b]0;title\x07\x1b[2J\u202e\r\ufeff\x9b';
    for await (const event of decryptEvents(file, { keyLog })) {
      if (event.kind === 'record' && event.record.plaintext) {
        report.push({ ...event, record: { ...event.record, plaintext: Buffer.from(nasty) } });
      } else if (event.kind === 'problem' || event.kind === 'captureProblem') {
        throw new Error('there is no problem in this capture');
      } else {
        report.push(event);
      }
      if (event.kind !== 'end') continue;
      const conversation = { ...event.conversation, serverName: nasty };
      report.push({ kind: 'problem', conversation, problem: { time: 0n, sender: undefined, reason: nasty } });
      report.push({ kind: 'end', conversation });
    }
    report.push({ kind: 'captureProblem', reason: nasty });
    expect(written.split('title').length).toBeGreaterThan(5);
    expect(written.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });
});
