import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import nodeTls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { nextTrafficSecret, trafficKey } from '../../src/key-schedule/tls13.ts';
import { hmac } from '../../src/keys/hmac.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { searchMemory } from '../helpers/process-memory.ts';
import { unless } from '../helpers/unless.ts';
import { owned } from './scenario.ts';

/**
 * Keys are gone when their connection is: all writable memory of a process is searched for them. node:tls, whose keys never leave OpenSSL, is
 * the peer, and its key log tells what to look for.
 */
const program = fileURLToPath(new URL('./memory-program.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ktls-memory-'));
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
let identity: { cert: string; key: string };

beforeAll(async () => {
  identity = await issue(undefined);
  writeFileSync(certFile, identity.cert);
  writeFileSync(keyFile, identity.key, { mode: 0o600 });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const count = 3;

unless(process.platform !== 'linux' && 'only on Linux', describe)(
  'after the end of its connections a process has none of their keys',
  () => {
    const ways = [
      { name: 'native', flags: [], options: { ktls: 'off' } },
      { name: 'native by node:crypto', flags: ['--no-addons'], options: { ktls: 'off' } },
      { name: 'wasm', flags: [], options: { ktls: 'off', portableLayer: 'wasm' } },
      { name: 'native, with exported keys', flags: [], options: { ktls: 'off', exportKeys: true } },
    ] as const;
    const versions = ['TLSv1.2', 'TLSv1.3'] as const;

    describe.each(ways)('$name', ({ flags, options }) => {
      test.each(versions)('client, %s', async (maxVersion) => {
        const found = new Secrets();
        const server = nodeTls
          .createServer({ ...identity, maxVersion }, talk)
          .on('keylog', (line) => found.keyLog(line));
        const back = await listen(server);
        const relay = net.createServer((front) => found.relay(front, net.connect(back, '127.0.0.1')));
        const port = await listen(relay);
        onTestFinished(() => void server.close());
        onTestFinished(() => void relay.close());
        const child = start([...flags], ['client', String(port), JSON.stringify({ ...options, count })]);
        await expectGone(child, found);
      });

      test.each(versions)('server, %s', async (maxVersion) => {
        const found = new Secrets();
        const child = start(flags, ['server', certFile, keyFile, JSON.stringify({ ...options, count, maxVersion })]);
        const port = Number(await child.line());
        for (let i = 0; i < count; i++) {
          const front = net.connect(port, '127.0.0.1');
          front.on('data', (chunk: Buffer) => found.fromServer(front, chunk));
          const client = owned(nodeTls.connect({ socket: front, rejectUnauthorized: false }));
          client.on('keylog', (line) => found.keyLog(line));
          talk(client);
          await once(client, 'close');
        }
        await expectGone(child, found);
      });
    });
  },
);

/** Says something, and again when it is answered. */
function talk(socket: nodeTls.TLSSocket): void {
  socket.on('error', () => {}).on('data', () => socket.write('b'));
  socket.write('a');
}

async function expectGone(child: Child, secrets: Secrets): Promise<void> {
  const canary = Buffer.from(await child.line(), 'base64');
  const wanted = secrets.all();
  expect(wanted.size).toBeGreaterThanOrEqual(3 * count);
  const seen = searchMemory(child.pid, new Map([...wanted, ['canary', canary]]));
  expect(seen).toEqual(['canary']);
}

interface Child {
  readonly pid: number;
  readonly line: () => Promise<string>;
}

function start(flags: readonly string[], words: readonly string[]): Child {
  const child: ChildProcess = spawn(process.execPath, ['--expose-gc', ...flags, program, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  if (!child.stdout || child.pid === undefined) throw new Error('the program did not start');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { pid: child.pid, line: async () => String((await lines.next()).value) };
}

/** What connections have to keep secret, by names. */
class Secrets {
  readonly #lines: string[] = [];
  readonly #serverRandoms: Buffer[] = [];
  readonly #begun = new Set<object>();

  keyLog(line: Buffer): void {
    this.#lines.push(String(line).trim());
  }

  relay(front: net.Socket, back: net.Socket): void {
    owned(front)
      .on('error', () => back.destroy())
      .pipe(owned(back));
    back.on('error', () => front.destroy());
    back.on('data', (chunk: Buffer) => this.fromServer(front, chunk)).pipe(front);
  }

  /** The first record that a server sends is its hello: header, message header, version, random (RFC 5246 §7.4.1.3). */
  fromServer(connection: object, chunk: Buffer): void {
    if (this.#begun.has(connection)) return;
    this.#begun.add(connection);
    this.#serverRandoms.push(Buffer.from(chunk.subarray(11, 43)));
  }

  all(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    let masters = 0;
    for (const [index, line] of this.#lines.entries()) {
      const [label = '', random = '', digits = ''] = line.split(' ');
      const secret = Buffer.from(digits, 'hex');
      found.set(`${index} ${label}`, secret);
      if (label === 'CLIENT_RANDOM') {
        const block = keyBlock(secret, Buffer.from(random, 'hex'), this.#serverRandoms[masters++] ?? Buffer.alloc(32));
        for (const at of [0, 16]) found.set(`${index} key at ${at}`, block.subarray(at, at + 16));
      } else if (/_TRAFFIC_SECRET_0$/.test(label)) {
        const hash = secret.length === 48 ? 'sha384' : 'sha256';
        const later = nextTrafficSecret(hmac, hash, secret);
        for (const [epoch, one] of [secret, later].entries()) {
          const { key, iv } = trafficKey(hmac, hash, one, hash === 'sha384' ? 32 : 16);
          found.set(`${index} ${label} key of epoch ${epoch}`, key).set(`${index} ${label} iv of epoch ${epoch}`, iv);
        }
      }
    }
    return found;
  }
}

/** The write keys of an AES-128-GCM suite with SHA-256 (RFC 5246 §6.3). */
function keyBlock(master: Buffer, clientRandom: Buffer, serverRandom: Buffer): Buffer {
  const seed = Buffer.concat([Buffer.from('key expansion'), serverRandom, clientRandom]);
  const hmac = (data: Buffer): Buffer => createHmac('sha256', master).update(data).digest();
  const first = hmac(seed);
  return Buffer.concat([hmac(Buffer.concat([first, seed])), hmac(Buffer.concat([hmac(first), seed]))]);
}
