import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { generateEchKey } from '../../src/ech.ts';
import { createServer } from '../../src/index.ts';
import { expectMode } from '../helpers/file-mode.ts';
import { listen } from '../helpers/listen.ts';
import { runKtls, stopAll } from './run-ktls.ts';
import { ServedFolder } from './served-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-ech-'));
const identity = selfSigned(['localhost', 'outer.example']);
const ca = join(folder, 'ca.pem');
writeFileSync(ca, identity.cert);

afterEach(stopAll);
afterAll(() => rmSync(folder, { recursive: true }));

describe('ktls ech', { timeout: 60_000 }, () => {
  test('keygen writes a key that only its owner reads, and prints what clients need; show reads both', async () => {
    const file = join(folder, 'made.pem');
    const made = await runKtls(
      'ech',
      'keygen',
      '--public-name',
      'outer.example',
      '--max-name-length',
      '40',
      '--out',
      file,
    );
    expect([made.status, made.stderr]).toEqual([0, '']);
    expectMode(file, 0o600);
    const configs = made.stdout.trim();
    expect(readFileSync(file, 'utf8').replaceAll('\n', '')).toContain(configs);
    const again = await runKtls('ech', 'keygen', '--public-name', 'outer.example', '--out', file);
    expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/made\.pem exists/)]);
    for (const given of [file, configs]) {
      const { status, stdout } = await runKtls('ech', 'show', given);
      expect([status, stdout]).toEqual([
        0,
        expect.stringMatching(
          /^public name {2}outer\.example\nid {11}\d+\nkey {10}x25519, [0-9a-f]{64}\nsuite {8}sha256, aes-128-gcm\nlongest name 40 bytes\n$/,
        ),
      ]);
    }
    expect((await runKtls('ech', 'show', file, '--base64')).stdout).toBe(`${configs}\n`);
    const [shown] = JSON.parse((await runKtls('ech', 'show', file, '--json')).stdout);
    expect(shown).toMatchObject({ version: 0xfe0d, publicName: 'outer.example', maxNameLength: 40, kem: 'x25519' });
  });

  test.each([
    [['ech'], 2, /keygen or show/],
    [['ech', 'keygen'], 2, /--public-name/],
    [['ech', 'show'], 2, /a file, or base64/],
    [['ech', 'keygen', '--public-name', 'a.example', '--max-name-length', '256'], 2, /from 0 to 255/],
    [['ech', 'show', 'rubbish'], 1, /ECHConfigList/],
    [['ech', 'show', 'no-such-file.pem'], 1, /no file, and not base64/],
    [['ech', 'show', ca], 1, /no ECHCONFIG in it/],
    [['connect', 'localhost:1', '--ech', 'grease', '--tls1.2'], 2, /leave out --tls1\.2/],
  ])('%j: exit code %i', async (words, code, reason) => {
    const { status, stdout, stderr } = await runKtls(...words);
    expect([status, stdout, stderr]).toEqual([code, '', expect.stringMatching(reason)]);
  });
});

describe('ktls connect --ech', { timeout: 60_000 }, () => {
  test('says that the hello was encrypted, or what the server would have taken', async () => {
    const [key, other] = [
      generateEchKey({ publicName: 'outer.example' }),
      generateEchKey({ publicName: 'outer.example' }),
    ];
    const server = createServer({ ...identity, ech: { keys: key.pem } }, (socket) => socket.end('hello'));
    server.on('tlsClientError', () => {});
    const target = `localhost:${await listen(server)}`;
    const connect = (ech: string, ...more: string[]) => runKtls('connect', target, '--ca', ca, '--ech', ech, ...more);
    const done = await connect(key.configs.toString('base64'));
    expect([done.status, done.stdout, done.stderr]).toEqual([
      0,
      'hello',
      expect.stringMatching(/ECH {9}accepted, visible name outer\.example/),
    ]);
    expect(JSON.parse((await connect('grease', '--json')).stdout)).toMatchObject({ ech: 'greased' });
    const refused = await connect(other.configs.toString('base64'));
    expect([refused.status, refused.stdout, refused.stderr]).toEqual([
      1,
      '',
      expect.stringContaining(`--ech ${key.configs.toString('base64')}`),
    ]);
    const rubbish = await connect('rubbish');
    expect([rubbish.status, rubbish.stderr]).toEqual([1, expect.stringMatching(/no ECHConfigList/)]);
    server.close();
    await once(server, 'close');
  });

  test('ktls serve --ech', async () => {
    const folder = new ServedFolder();
    const { pem, configs } = generateEchKey({ publicName: 'localhost' });
    const file = join(folder.path, '..', 'ech.pem');
    writeFileSync(file, pem);
    const { port } = await folder.serve('--ech', file);
    const words = ['--ca', folder.certificate, '--ech', configs.toString('base64'), '--json'];
    const { stdout } = await runKtls('connect', `localhost:${port}`, ...words);
    expect(JSON.parse(stdout)).toMatchObject({ ech: 'accepted' });
    await stopAll();
    folder.remove();
  });
});
