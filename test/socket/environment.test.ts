import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentMode } from '../../src/socket/ktls-policy.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { codeOf, listening, node, thrownBy } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe('the variable KTLS', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    [' ', undefined],
    ['off', 'off'],
    ['OFF', 'off'],
    ['Off\n', 'off'],
    ['prefer', 'prefer'],
    ['PREFER', 'prefer'],
  ])('%j means %j', (text, mode) => {
    expect(environmentMode(text)).toBe(mode);
  });

  it.each(['0', '1', 'no', 'false', 'on', 'auto', 'require', 'offf', 'off off', 'ο f'])('%j is an error', (text) => {
    expect(thrownBy(() => environmentMode(text))).toEqual([
      'ERR_INVALID_ARG_VALUE',
      'Error',
      `The environment variable KTLS must be off, prefer or empty. Received "${text}"`,
    ]);
  });

  it('the error shows the beginning of what is no word at all', () => {
    const [, , message] = [thrownBy(() => environmentMode(`${'x'.repeat(16)}secret`))].flat();
    expect(message).toMatch(/Received "x{16}"$/);
  });

  /** What a program says of its connection, or what it ended with. */
  async function program(KTLS: string, option: string): Promise<string> {
    const { port } = await listening(node, identities.server);
    const library = new URL('../../src/index.ts', import.meta.url).href;
    const source = `
      const { connect } = await import(${JSON.stringify(library)});
      process.env.KTLS = 'changed later';
      const socket = connect({ port: ${port}, host: '127.0.0.1', rejectUnauthorized: false, ktls: '${option}' });
      socket.on('error', (error) => console.log(error.code, error.message));
      socket.on('secureConnect', () => { console.log(JSON.stringify(socket.recordLayer)); socket.destroy(); });`;
    const args = ['--experimental-strip-types', '--no-warnings', '--input-type=module', '-e', source];
    try {
      return (await promisify(execFile)(process.execPath, args, { env: { ...process.env, KTLS } })).stdout;
    } catch (error) {
      return `ended: ${error instanceof Error && 'stderr' in error ? error.stderr : codeOf(error)}`;
    }
  }

  it('is read once, when the library is loaded', { timeout: 60_000 }, async () => {
    const [auto, require, wrong] = await Promise.all([
      program('OFF', 'auto'),
      program('off', 'require'),
      program('0', 'auto'),
    ]);
    expect(auto).toMatch(/"reason":{"read":"switched off by the environment, KTLS=off"/);
    expect(require).toMatch(/^ERR_KTLS_REQUIRED .*KTLS=off/);
    expect(wrong).toMatch(/^ended: [\s\S]*KTLS must be off, prefer or empty\. Received "0"/);
  });
});
