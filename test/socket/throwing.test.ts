import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

interface Life {
  readonly version: string;
  readonly name: string;
  readonly atClient: number;
  readonly thrown: readonly string[];
}

/** What became of connections of which a listener throws, in a process that goes on. */
async function lives(library: string): Promise<readonly Life[]> {
  const program = fileURLToPath(new URL('throwing-program.ts', import.meta.url));
  const words = ['--no-warnings', '--experimental-strip-types', program, library];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const judging = ({ name }: Life): boolean => name === 'checkServerIdentity';

it('a listener that throws loses nothing of what was received, as with node:tls', { timeout: 60_000 }, async () => {
  const [expected, ...seen] = await Promise.all(['node:tls', 'native', 'wasm'].map(lives));
  expect(expected?.length).toBe(20);
  for (const ours of seen) {
    expect(ours.filter((life) => !judging(life))).toEqual(expected?.filter((life) => !judging(life)));
    // node:tls reads on from a server that nobody has judged.
    expect(ours.filter(judging)).toMatchObject(Array(2).fill({ atClient: 0, thrown: ['thrown'] }));
  }
  expect(expected?.filter(judging)).toMatchObject(Array(2).fill({ atClient: 1, thrown: ['thrown'] }));
});
