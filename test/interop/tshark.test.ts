import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { captureTo } from '../../src/keys.ts';
import { issue } from '../helpers/certificates.ts';
import { cells, echo, wire } from '../keys/wire.ts';
import { owned } from '../socket/scenario.ts';
import { fields, followTls, tshark } from './tshark.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-tshark-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Different each time, and too long for one record. */
function message(seed: number): Buffer {
  return Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff));
}

interface Captured {
  readonly file: string;
  readonly keyLog: string;
  readonly content: Buffer;
}

/** A connection with a KeyUpdate from each side where there are such, captured at our end. All that one end sends comes back. */
async function capture(
  role: 'client' | 'server',
  cell: { version: 'TLSv1.2' | 'TLSv1.3'; ciphers: string },
  portableLayer: 'native' | 'wasm' = 'native',
): Promise<Captured> {
  const file = join(folder, `${files++}.pcapng`);
  const capture = captureTo(file);
  const connection = await wire({ role, ...cell, ours: { capture, portableLayer, exportKeys: true } });
  const { ours, peer } = connection;
  const messages = [message(1), message(2), message(3)];
  for (const [round, bytes] of messages.entries()) {
    if (round > 0 && cell.version === 'TLSv1.3') ours.updateKeys({ requestPeer: true });
    await echo(connection, bytes);
  }
  const { keyLog } = ours.exportKeys();
  ours.end();
  peer.end();
  await once(ours, 'close');
  await capture.close();
  return { file, keyLog, content: Buffer.concat(messages) };
}

describe('tshark reads our captures', { timeout: 90_000 }, () => {
  it.each(
    (['client', 'server'] as const).flatMap((role) => cells.map(([version, ciphers]) => ({ role, version, ciphers }))),
  )('$version $ciphers, captured at the $role', async ({ role, version, ciphers }) => {
    const { file, content } = await capture(role, { version, ciphers });
    expect(await decrypted(file)).toEqual({ client: content, server: content });
    const { types, alerts, comments } = await shown(file);
    expect(types.filter((type) => type === KEY_UPDATE)).toHaveLength(version === 'TLSv1.3' ? 4 : 0);
    expect(types.filter((type) => type === FINISHED)).toHaveLength(2);
    expect(new Set(alerts), 'decrypted alerts').toEqual(new Set([CLOSE_NOTIFY]));
    expect(comments).toEqual([expect.stringMatching(new RegExp(`^${version} .*captured at the ${role}$`))]);
  });

  it.each([
    ['TLSv1.2', 'ECDHE-ECDSA-AES256-SHA384'],
    ['TLSv1.3', 'TLS_AES_128_CCM_SHA256'],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384'],
  ] as const)('%s %s, protected by OpenSSL itself', async (version, ciphers) => {
    const { file, content } = await capture('client', { version, ciphers }, 'wasm');
    expect(await decrypted(file)).toEqual({ client: content, server: content });
  });

  it('finds nothing wrong with TCP and its checksums', async () => {
    const { file } = await capture('server', { version: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' });
    const checked = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
    expect(await count(file, 'tcp.checksum.status == 1 && ip.checksum.status == 1', ...checked)).toBe(
      await count(file, 'tcp'),
    );
    expect(await count(file, 'tcp.analysis.flags || _ws.malformed')).toBe(0);
    const ends = await tshark(file, ['-q', '-z', 'conv,tcp']);
    expect(ends).toContain('127.0.0.1:');
  });

  it('over IPv6, and over a stream without addresses', async () => {
    const identity = await issue(undefined, { names: ['localhost'] });
    const file = join(folder, 'others.pcapng');
    const capture = captureTo(file);
    const listener = net.createServer().listen(0, '::1');
    await once(listener, 'listening');
    const address = listener.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const connected = net.connect({ host: '::1', port: port ?? 0 });
    const [[accepted]] = await Promise.all([once(listener, 'connection'), once(connected, 'connect')]);
    listener.close();
    const ends = [[accepted, connected] as const, duplexPair()];
    for (const [far, near] of ends) {
      const server = owned(new ktls.TLSSocket(far, { isServer: true, ...identity }));
      const client = owned(
        Reflect.apply(ktls.connect, undefined, [{ socket: near, ca: identity.cert, servername: 'localhost', capture }]),
      );
      await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
      client.end('some data');
      server.resume().end();
      await once(client.resume(), 'close');
    }
    await capture.close();
    const text = Buffer.from('some data').toString('hex');
    expect((await followTls(file)).map(({ client }) => client)).toEqual([text, text]);
    expect(await count(file, 'ipv6.addr == ::1 && tls')).toBeGreaterThan(0);
    expect(await count(file, 'ip.src == 192.0.2.1 && tcp.dstport == 443 && tls')).toBeGreaterThan(0);
  });
});

describe('tshark decrypts by our key log alone', { timeout: 90_000 }, () => {
  it.each(cells)('%s %s', async (version, ciphers) => {
    const { file, keyLog, content } = await capture('client', { version, ciphers });
    const bare = join(folder, 'bare.pcapng');
    writeFileSync(bare, withoutSecrets(readFileSync(file)));
    expect(await decrypted(bare)).toEqual({ client: Buffer.alloc(0), server: Buffer.alloc(0) });
    const log = join(folder, 'secrets.log');
    writeFileSync(log, keyLog, { mode: 0o600 });
    expect(await decrypted(bare, log)).toEqual({ client: content, server: content });
  });
});

/** What tshark decrypts of the first connection in a capture. */
async function decrypted(file: string, keyLogFile?: string): Promise<{ client: Buffer; server: Buffer }> {
  const [first] = await followTls(file, keyLogFile);
  return { client: Buffer.from(first?.client ?? '', 'hex'), server: Buffer.from(first?.server ?? '', 'hex') };
}

/** How many packets a display filter matches. */
async function count(file: string, filter: string, ...words: readonly string[]): Promise<number> {
  const text = await tshark(file, ['-Y', filter, ...fields('frame.number'), ...words]);
  return text.split('\n').filter((line) => line !== '').length;
}

/** Types of handshake messages and descriptions of alerts that tshark could read, and comments. */
async function shown(file: string): Promise<{ types: string[]; alerts: string[]; comments: string[] }> {
  const text = await tshark(file, fields('tls.handshake.type', 'tls.alert_message.desc', 'frame.comment'));
  const rows = text.split('\n').map((line) => line.split('\t'));
  const column = (index: number): string[] => rows.map((row) => row[index] ?? '').filter((value) => value !== '');
  const several = (index: number): string[] => column(index).flatMap((value) => value.split(','));
  return { types: several(0), alerts: several(1), comments: column(2) };
}

const KEY_UPDATE = '24';
const FINISHED = '20';
const CLOSE_NOTIFY = '0';

/** A capture without its Decryption Secrets Blocks. */
function withoutSecrets(capture: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at < capture.length; ) {
    const end = at + capture.readUInt32LE(at + 4);
    if (capture.readUInt32LE(at) !== 10) kept.push(capture.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}
