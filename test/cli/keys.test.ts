import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { trafficKey } from '../../src/key-schedule/tls13.ts';
import { hmac } from '../../src/keys/hmac.ts';
import { fromCryptoInfo } from '../../src/keys.ts';
import { expectMode } from '../helpers/file-mode.ts';
import { listen } from '../helpers/listen.ts';
import { runKtls, stopAll } from './run-ktls.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-keys-'));
const ca = join(folder, 'ca.pem');
const identity = selfSigned(['localhost', '127.0.0.1']);
/** What the server, which is node:tls, says of its secrets. */
let log = '';
const server = tls.createServer(identity, (socket) => {
  socket.on('error', () => {}).end();
});
server.on('keylog', (line) => {
  log += line;
});
let target: string;

beforeAll(async () => {
  writeFileSync(ca, identity.cert);
  target = `localhost:${await listen(server)}`;
});

afterAll(async () => {
  await stopAll();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('ktls keys', { timeout: 60_000 }, () => {
  test.each([
    ['--tls1.2', ['CLIENT_RANDOM']],
    [
      '--tls1.3',
      [
        'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
        'CLIENT_TRAFFIC_SECRET_0',
        'EXPORTER_SECRET',
        'SERVER_HANDSHAKE_TRAFFIC_SECRET',
        'SERVER_TRAFFIC_SECRET_0',
      ],
    ],
  ])('%s: a key log with the secrets that the server has', async (version, labels) => {
    const { status, stdout, stderr } = await runKtls('keys', target, '--ca', ca, version);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => line.split(' ')[0]).toSorted()).toEqual(labels);
    for (const line of lines) expect(log).toContain(`${line}\n`);
  });

  test('JSON, whose keys come from these secrets', async () => {
    const { status, stdout } = await runKtls('keys', target, '--ca', ca, '--json', '--tls1.3');
    expect(status).toBe(0);
    const { keyLog, read, write, ...facts } = JSON.parse(stdout);
    expect(facts).toMatchObject({ role: 'client', version: 'TLSv1.3', serverName: 'localhost', resumed: false });
    for (const line of keyLog.trim().split('\n')) expect(log).toContain(line);
    expect(write).toMatchObject({ direction: 'write', epoch: 0, aead: 'aes-256-gcm' });
    const secret = /CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(keyLog)?.[1] ?? '';
    expect(write.trafficSecret).toBe(secret);
    const { key, iv } = trafficKey(hmac, 'sha384', Buffer.from(secret, 'hex'), 32);
    expect({ key: write.key, iv: write.iv }).toEqual({ key: hex(key), iv: hex(iv) });
    expect(read.key).not.toBe(write.key);
  });

  test.each(['TLSv1.2', 'TLSv1.3'])("a kernel's structure for each direction: %s", async (version) => {
    const option = version.replace('TLSv', '--tls');
    const { stdout } = await runKtls('keys', target, '--ca', ca, '--format', 'crypto-info', option);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    expect(lines.map(([direction]) => direction)).toEqual(['write', 'read']);
    for (const [, said, aead, bytes = ''] of lines) {
      expect(said).toBe(version);
      expect(fromCryptoInfo(Buffer.from(bytes, 'hex'))).toMatchObject({ version, aead });
    }
  });

  test('to a file that only its owner can read', async () => {
    const file = join(folder, 'secrets.log');
    const { status, stdout } = await runKtls('keys', target, '--ca', ca, '--out', file);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/^(?:[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+\n)+$/);
    expectMode(file, 0o600);
  });

  test('not of a server that is not to be trusted, unless told so', async () => {
    const { status, stdout, stderr } = await runKtls('keys', target);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect((await runKtls('keys', target, '--insecure')).stdout).toContain('TRAFFIC_SECRET_0');
  });

  test.each([
    [['keys']],
    [['keys', 'a', 'b']],
    [['keys', 'a', '--format', 'pem']],
    [['keys', 'a', '--format', 'keylog', '--json']],
  ])('%j is wrong usage', async (words) => {
    expect(await runKtls(...words)).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('ktls connect --capture', { timeout: 60_000 }, () => {
  test('takes the conversation down, with its secrets, for its owner only', async () => {
    const file = join(folder, 'traffic.pcapng');
    const { status } = await runKtls('connect', target, '--ca', ca, '--capture', file);
    expect(status).toBe(0);
    const bytes = readFileSync(file);
    expect(bytes.readUInt32LE(0)).toBe(0x0a0d0d0a);
    expect(bytes.toString('latin1')).toContain('CLIENT_TRAFFIC_SECRET_0');
    expectMode(file, 0o600);
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
