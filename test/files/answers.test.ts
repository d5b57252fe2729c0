import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendReadStreams } from '../../src/files/read-streams.ts';
import * as ours from '../../src/https.ts';
import { issue } from '../helpers/certificates.ts';
import { type Answer, ask, partOf, type Server, startServer, withoutChunks } from './answers.ts';
import { answersUpTo } from './arbitrary-answers.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-answers-'));
const path = join(folder, 'file.bin');
const content = randomBytes(3 * 1024 * 1024 + 5);
/** Bytes of each stream that went past it. */
const sent: number[] = [];
let one: Server;
let other: Server;

beforeAll(async () => {
  const identity = await issue(undefined);
  sendReadStreams((_path, bytes) => sent.push(bytes), 1);
  one = await startServer(ours.createServer, identity);
  other = await startServer(https.createServer, identity);
});
afterAll(() => {
  one.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

const answers = answersUpTo(content.length);

/** Milliseconds: what hangs has failed, and its seed is told. A slow machine tries fewer, and fails for nothing. */
const limits = {
  plugins: [fc.timeout(10_000), fc.interruptAfterTimeLimit(30_000, { failOnInterrupt: false })],
};

/** Whether it must go past its stream, where no response before it is under way. */
function mustBeSent(each: Answer): boolean {
  const isKnown = each.by === 'path' || each.start !== undefined;
  return each.length !== 'chunked' && isKnown && partOf(each).length > 0;
}

test('what a client gets of files, and what is seen of their streams, is that of node:https', async () => {
  let most = 0;
  const property = fc.asyncProperty(answers, fc.boolean(), async (all, pipelined) => {
    sent.length = 0;
    const mine = await ask(one, all, { path, content, pipelined });
    const [first] = all;
    if (first && mustBeSent(first)) expect(sent).toContain(partOf(first).length);
    most = Math.max(most, ...sent);
    const theirs = await ask(other, all, { path, content, pipelined });
    expect(mine.seen).toEqual(theirs.seen);
    const [myBytes, theirBytes] = [mine, theirs].map(({ bytes }) => withoutChunks(bytes));
    expect(myBytes?.length).toBe(theirBytes?.length);
    expect(theirBytes && myBytes?.equals(theirBytes)).toBe(true);
  });
  await fc.assert(property, { numRuns: 150, ...limits });
  expect(most).toBeGreaterThan(1_048_576);
}, 60_000);
