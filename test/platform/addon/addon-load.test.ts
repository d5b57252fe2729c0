import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadAddon } from '../../../src/platform/addon/addon.ts';

const script = `
  import { loadAddon } from ${JSON.stringify(new URL('../../../src/platform/addon/addon.ts', import.meta.url).href)};
  import { createAddonSealer } from ${JSON.stringify(new URL('../../../src/platform/records/addon-aead.ts', import.meta.url).href)};
  const keys = { version: 0x304, aead: 'aes-128-gcm', key: new Uint8Array(16), iv: new Uint8Array(12), sequenceNumber: 0n };
  BEFORE
  const { refused } = loadAddon();
  console.log(JSON.stringify([refused ?? 'loaded', loadAddon() === loadAddon(), createAddonSealer(keys).refused ?? 'seals']));
`;

// Without this, a missing build would skip other suites and look like success.
test('is there, with all its parts on Linux and every AEAD', () => {
  const loaded = loadAddon();
  if ('refused' in loaded) throw new Error(loaded.refused);
  expect(loaded.addon.kernel !== undefined).toBe(process.platform === 'linux');
  for (const aead of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305']) {
    expect(loaded.addon.cryptography?.RecordCipher.supports(aead)).toBe(true);
  }
});

test('is loaded once', async () => {
  expect(await load([])).toEqual(['loaded', true, 'seals']);
});

test.each([['--no-addons'], ['--permission', '--allow-fs-read=*']])(
  'is refused, not missed, with %s',
  async (...args) => {
    const [refused, once, sealer] = await load(args);
    expect(refused).toMatch(/^no native addon on \w+-\w+: Cannot load native addon.*$/);
    expect([once, sealer]).toEqual([true, refused]);
  },
);

test('is refused where there is no build', async () => {
  const [refused] = await load([], "Object.defineProperty(process, 'arch', { value: 'mips' });");
  expect(refused).toMatch(/^no native addon on \w+-mips: Cannot find module.*$/);
  expect(refused).not.toContain('\n');
});

async function load(args: readonly string[], before = ''): Promise<unknown[]> {
  const words = [...args, '--input-type=module', '-e', script.replace('BEFORE', before)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout);
}
