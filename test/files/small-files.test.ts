import { createHook } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs, { createReadStream, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sendReadStreams } from '../../src/files/read-streams.ts';
import * as ours from '../../src/https.ts';
import { readCached } from '../../src/platform/kernel/cached-files.ts';
import { issue } from '../helpers/certificates.ts';
import { unless } from '../helpers/unless.ts';
import { ask, type Server, startServer, withoutChunks } from './answers.ts';
import { answersUpTo } from './arbitrary-answers.ts';
import { disturb, interruptions, type Moment } from './disturbances.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-small-'));
const path = join(folder, 'file.bin');
const content = randomBytes(120_000);
writeFileSync(path, content);
/** A client that leaves once it has all that was promised would leave the stream without a reader before it has read its end. */
const agent = new https.Agent({ keepAlive: true });
let one: Server;
let other: Server;

/** What of node:fs leaves this thread. */
const begun: string[] = [];
const hook = createHook({ init: (_id, type) => void (type === 'FSREQCALLBACK' && begun.push(type)) });

beforeAll(async () => {
  const identity = await issue(undefined);
  sendReadStreams();
  one = await startServer(ours.createServer, identity);
  other = await startServer(https.createServer, identity);
});
afterEach(() => hook.disable());
afterAll(() => {
  agent.destroy();
  one.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

const limits = {
  plugins: [fc.timeout(10_000), fc.interruptAfterTimeLimit(30_000, { failOnInterrupt: false })],
};

test('what a client gets of small files, and what is seen of their streams, is that of node:https', async () => {
  const property = fc.asyncProperty(answersUpTo(content.length), fc.boolean(), async (all, pipelined) => {
    const mine = await ask(one, all, { path: join(folder, 'answer.bin'), content, pipelined });
    const theirs = await ask(other, all, { path: join(folder, 'answer.bin'), content, pipelined });
    expect(mine.seen).toEqual(theirs.seen);
    const [myBytes, theirBytes] = [mine, theirs].map(({ bytes }) => withoutChunks(bytes));
    expect(theirBytes && myBytes?.equals(theirBytes)).toBe(true);
  });
  await fc.assert(property, { numRuns: 150, ...limits });
}, 60_000);

test('nothing is lost of a small file, whatever comes in between and when', async () => {
  const moment: fc.Arbitrary<Moment> = fc.oneof(
    fc.constant<Moment>('at once'),
    fc.record({ event: fc.constantFrom('open', 'ready') }),
  );
  const names = fc.constantFrom(...Object.keys(interruptions));
  const property = fc.asyncProperty(names, moment, fc.constantFrom('pipe', 'pipeline'), async (name, when, connect) => {
    const disturbance = { path, length: content.length, connect, moment: when, act: Object(interruptions)[name] };
    const [mine, theirs] = [await disturb(one, disturbance), await disturb(other, disturbance)];
    expect(mine.bytes.subarray(-content.length).equals(content)).toBe(true);
    expect(mine.bytes.equals(theirs.bytes)).toBe(true);
    expect(mine.seen).toEqual(theirs.seen);
    expect(mine.bytesRead).toBe(theirs.bytesRead);
  });
  await fc.assert(property, { numRuns: 60, ...limits });
}, 60_000);

interface Use {
  readonly highWaterMark?: number;
  readonly end?: number;
  /** Before the file is read. */
  readonly prepare?: (stream: fs.ReadStream) => void;
}

/** How many calls of node:fs left this thread while `server` answered with a file. */
async function callsFor(server: Server, { prepare, ...options }: Use = {}): Promise<number> {
  const length = 50_000;
  const own = join(folder, 'own.bin');
  writeFileSync(own, content.subarray(0, length));
  let closed = (_events: string[]): void => {};
  const whenClosed = new Promise<string[]>((resolve) => {
    closed = resolve;
  });
  server.onRequest((_request, response) => {
    begun.length = 0;
    const events: string[] = [];
    hook.enable();
    const stream = createReadStream(own, options);
    for (const event of ['open', 'ready', 'end', 'close']) stream.on(event, () => events.push(event));
    stream.once('open', (descriptor) => {
      stream.on('close', () => {
        expect(() => fs.fstatSync(descriptor)).toThrow('EBADF');
        closed(events);
      });
    });
    prepare?.(stream);
    response.setHeader('content-length', length);
    stream.pipe(response);
  });
  const body = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const where = { port: server.port, host: '127.0.0.1', rejectUnauthorized: false, agent };
    https
      .get(where, (response) => {
        response.on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
      })
      .on('error', reject);
  });
  const events = await whenClosed;
  hook.disable();
  expect(body.equals(content.subarray(0, length))).toBe(true);
  expect(events).toEqual(['open', 'ready', 'end', 'close']);
  return begun.length;
}

/** Where a file system cannot say what it has in memory, threads read. */
function why(): string | false {
  const descriptor = fs.openSync(path, 'r');
  const bytes = readCached(descriptor, Buffer.alloc(10), { offset: 0, length: 10, position: 0 });
  fs.closeSync(descriptor);
  return bytes === undefined && 'the file system cannot say what it has in memory, or there is no addon here';
}

describe('threads', () => {
  const where = unless(why(), test);

  where('a file that is in memory is read and closed in this one', async () => {
    const whole = { end: 49_999 };
    expect(await callsFor(one, whole)).toBe(1);
    expect(await callsFor(other, whole)).toBe(3);
    // Where nobody has said where it ends, a thread finds out.
    expect(await callsFor(one)).toBe(2);
    expect(await callsFor(other)).toBe(4);
  });

  where('a file that was removed meanwhile is closed in another, since that may take time', async () => {
    const prepare = (stream: fs.ReadStream) => stream.once('open', () => unlinkSync(stream.path));
    expect(await callsFor(one, { prepare })).toBe(3);
  });

  where.each(['read', 'close'] as const)(
    'a function of the application in the place of fs.%s is called',
    async (name) => {
      const original = fs[name];
      let calls = 0;
      const replace = (): void => {
        Reflect.set(fs, name, (...args: unknown[]) => {
          calls++;
          return Reflect.apply(original, fs, args);
        });
      };
      try {
        await callsFor(one, { end: 49_999, prepare: replace });
      } finally {
        Reflect.set(fs, name, original);
      }
      expect(calls).toBeGreaterThan(0);
    },
  );

  test('what an application makes of the stream is what node:fs makes of it', async () => {
    const prepare = (stream: fs.ReadStream) => void Reflect.set(stream, 'end', 49_999.5);
    await callsFor(one, { prepare });
    await callsFor(other, { prepare });
  });

  where('what reads more at once than a small file has is read in others', async () => {
    expect(await callsFor(one, { highWaterMark: 200_000 })).toBe(4);
  });
});

test.each<[string, (stream: fs.ReadStream, response: ServerResponse) => unknown]>([
  ['awaits its opening', (stream, response) => once(stream, 'open').then(() => response.setHeader('x-late', '1'))],
  [
    'waits for two ticks',
    (_, response) => process.nextTick(() => process.nextTick(() => response.setHeader('x-late', '1'))),
  ],
  ['ends the connection with it', (stream, response) => stream.on('end', () => response.socket?.destroySoon())],
])('an application that %s is not overtaken', async (_, act) => {
  const got = [one, other].map(async (server) => {
    server.onRequest((_request, response) => {
      const stream = createReadStream(path);
      response.setHeader('content-length', content.length);
      stream.pipe(response, { end: false });
      stream.once('end', () => response.end());
      act(stream, response);
    });
    const options = { port: server.port, host: '127.0.0.1', rejectUnauthorized: false, agent };
    return new Promise<object>((resolve, reject) => {
      https
        .get(options, async (response) => {
          const chunks = await response.toArray();
          resolve({ late: response.headers['x-late'], body: Buffer.concat(chunks).equals(content) });
        })
        .on('error', reject);
    });
  });
  const [mine, theirs] = await Promise.all(got);
  expect(mine).toEqual(theirs);
  expect(mine).toMatchObject({ body: true });
});

test.each([
  ['beyond its end', { offset: 0, length: 10, position: 500_000 }, 0],
  ['in its middle', { offset: 3, length: 10, position: 119_995 }, 5],
])('readCached() %s', (_, range, expected) => {
  const descriptor = fs.openSync(path, 'r');
  const into = Buffer.alloc(20);
  const bytes = readCached(descriptor, into, range);
  fs.closeSync(descriptor);
  if (bytes === undefined) expect(why()).not.toBe(false);
  else {
    expect(bytes).toBe(expected);
    expect(into.subarray(3, 3 + bytes).equals(content.subarray(119_995, 119_995 + bytes))).toBe(true);
  }
  expect(readCached(descriptor, into, range)).toBeUndefined();
});
