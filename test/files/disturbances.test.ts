import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendReadStreams } from '../../src/files/read-streams.ts';
import * as ours from '../../src/https.ts';
import { issue } from '../helpers/certificates.ts';
import { type Server, startServer } from './answers.ts';
import { aborts, bodyOf, disturb, interruptions, type Moment } from './disturbances.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-disturbances-'));
const content = randomBytes(3_500_000);
const path = join(folder, 'file.bin');
/** More than all buffers between a server and its client hold: nobody is done with it when somebody has got the beginning. */
const endless = { path: join(folder, 'endless.bin'), length: 64 * 1024 * 1024 };
let one: Server;
let other: Server;
let sent = 0;

beforeAll(async () => {
  writeFileSync(path, content);
  writeFileSync(endless.path, content);
  truncateSync(endless.path, endless.length);
  const identity = await issue(undefined);
  sendReadStreams((_path, bytes) => {
    sent += bytes;
  });
  one = await startServer(ours.createServer, identity);
  other = await startServer(https.createServer, identity);
});
afterAll(() => {
  one.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Milliseconds: what hangs has failed, and its seed is told. A slow machine tries fewer, and fails for nothing. */
const limits = {
  plugins: [fc.timeout(10_000), fc.interruptAfterTimeLimit(30_000, { failOnInterrupt: false })],
};

const moment: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Moment>('at once') },
  { weight: 1, arbitrary: fc.record({ event: fc.constantFrom('open', 'ready') }) },
  { weight: 2, arbitrary: fc.record({ turns: fc.nat(12) }) },
  { weight: 4, arbitrary: fc.record({ bytes: fc.integer({ min: 1, max: 3_000_000 }) }) },
);
const connect = fc.constantFrom('pipe', 'pipeline');

test('a response that ends early, whoever ends it and when, leaves what it leaves with node:https', async () => {
  const abort = fc.constantFrom(...Object.keys(aborts));
  const property = fc.asyncProperty(abort, moment, connect, async (name, when, how) => {
    const disturbance = { ...endless, connect: how, moment: when, act: Object(aborts)[name] } as const;
    const [mine, theirs] = [await disturb(one, disturbance), await disturb(other, disturbance)];
    expect(mine.seen).toEqual(theirs.seen);
    for (const { bytes, bytesRead, behind } of [mine, theirs]) {
      const body = bodyOf([bytes]);
      expect(body.subarray(0, content.length).equals(content.subarray(0, body.length))).toBe(true);
      expect(body.length).toBeLessThan(endless.length);
      // What the library reads at once may be on its way.
      expect(behind).toBeLessThanOrEqual(256 * 1024);
      expect(bytesRead).toBeGreaterThanOrEqual(body.length);
    }
  });
  await fc.assert(property, { numRuns: 120, ...limits });
}, 60_000);

test('nothing is lost of a file, whatever comes in between and when', async () => {
  const interruption = fc.constantFrom(...Object.keys(interruptions));
  const property = fc.asyncProperty(interruption, moment, connect, async (name, when, how) => {
    const disturbance = { path, length: content.length, connect: how, moment: when, act: Object(interruptions)[name] };
    const mine = await disturb(one, disturbance);
    const theirs = await disturb(other, disturbance);
    expect(mine.bytes.subarray(-content.length).equals(content)).toBe(true);
    expect(mine.bytes.equals(theirs.bytes)).toBe(true);
    expect(mine.seen).toEqual(theirs.seen);
    expect(mine.bytesRead).toBe(theirs.bytesRead);
    // Later, more or less is on its way.
    if (when === 'at once') expect(mine.heard).toBe(theirs.heard);
  });
  sent = 0;
  await fc.assert(property, { numRuns: 70, ...limits });
  expect(sent).toBeGreaterThan(content.length);
}, 60_000);
