import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nextTrafficSecret, trafficKey } from '../../src/key-schedule/tls13.ts';
import { hmac } from '../../src/keys/hmac.ts';
import { decrypt } from '../../src/keys.ts';
import { hex } from '../helpers/hex.ts';
import { capture } from './captures.ts';

/** As exportKeys() gives it, of a connection that a key log tells of. */
function exported(keyLog: string, epochs: { read: number; write: number }): Record<string, unknown> {
  const clientRandom = /^\w+ ([0-9a-f]{64})/m.exec(keyLog)?.[1] ?? '';
  const direction = (name: 'read' | 'write'): object => {
    const sender = name === 'write' ? 'client' : 'server';
    let secret = hex(new RegExp(`^${sender.toUpperCase()}_TRAFFIC_SECRET_0 \\w+ (\\w+)$`, 'm').exec(keyLog)?.[1] ?? '');
    for (let epoch = 0; epoch < epochs[name]; epoch++) secret = nextTrafficSecret(hmac, 'sha256', secret);
    const { key, iv } = trafficKey(hmac, 'sha256', secret, 32);
    const digits = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    return {
      direction: name,
      sender,
      epoch: epochs[name],
      version: 'TLSv1.3',
      aead: 'chacha20-poly1305',
      trafficSecret: digits(secret),
      key: digits(key),
      iv: digits(iv),
      sequenceNumber: '5',
    };
  };
  return { role: 'client', clientRandom, keyLog: '', read: direction('read'), write: direction('write') };
}

const { bytes, keyLog } = capture('tls13-key-update');

describe('keys that an endpoint exported', () => {
  test('of the first epoch open all that follow', async () => {
    expect(await saidWith(exported(keyLog, { read: 0, write: 0 }))).toEqual({
      client: 'one from the client\ntwo from the client\n',
      server: 'one from the server\n',
    });
  });

  test('of a later epoch open that one', async () => {
    expect(await saidWith([exported(keyLog, { read: 0, write: 1 })])).toEqual({
      client: 'two from the client\n',
      server: 'one from the server\n',
    });
  });

  test('bring a key log with them', async () => {
    const { clientRandom } = exported(keyLog, { read: 0, write: 0 });
    expect((await saidWith({ clientRandom, keyLog, read: null, write: null })).client).toMatch(/^one .*\ntwo .*\n$/);
  });

  test('of TLS 1.2, where only key and IV are told', async () => {
    const { bytes: tls12, keyLog: log } = capture('tls12-gcm');
    const { clientRandom } = exported(log, { read: 0, write: 0 });
    const master = hex(/ (\w{96})$/m.exec(log)?.[1] ?? '');
    const withSecrets = await decrypt(tls12, { keyLog: log });
    const serverHello = withSecrets.conversations[0]?.records.find(({ sender }) => sender === 'server');
    const serverRandom = serverHello?.plaintext?.subarray(6, 38) ?? new Uint8Array();
    const seed = Buffer.concat([Buffer.from('key expansion'), serverRandom, hex(String(clientRandom))]);
    const block = expansion(master, seed);
    const epoch = (sender: string, key: Buffer, salt: Buffer): object => ({
      ...{ sender, epoch: 0, version: 'TLSv1.2', aead: 'aes-128-gcm' },
      key: key.toString('hex'),
      iv: `${salt.toString('hex')}0000000000000009`,
    });
    const write = epoch('client', block.subarray(0, 16), block.subarray(32, 36));
    const read = epoch('server', block.subarray(16, 32), block.subarray(36, 40));
    expect(await saidWith({ clientRandom, read, write }, tls12)).toEqual({
      client: 'one from the client\ntwo from the client\n',
      server: 'one from the server\n',
    });
  });

  test.each<[string, unknown, string]>([
    ['nothing', null, 'keys[0] is not what exportKeys() gives'],
    ['a number', [{ clientRandom: 'ab'.repeat(32) }, 7], 'keys[1] is not what exportKeys() gives'],
    ['no random', {}, 'keys[0].clientRandom is not in hexadecimal digits'],
    ['a short random', { clientRandom: 'abcd' }, 'keys[0].clientRandom has 2 bytes instead of 32'],
    ['no sender', { clientRandom: 'ab'.repeat(32), read: {} }, 'keys[0].read.sender is neither client nor server'],
    [
      'a short key',
      {
        clientRandom: 'ab'.repeat(32),
        write: { sender: 'client', epoch: 0, version: 'TLSv1.3', aead: 'aes-128-gcm', key: 'aa', iv: 'bb' },
      },
      'keys[0].write has a key of 1 and an IV of 1 bytes, which do not fit aes-128-gcm',
    ],
  ])('%s: a TypeError that says what is wrong', async (_, keys, message) => {
    await expect(decrypt(bytes, { keys })).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message,
    });
  });
});

/** 64 bytes of P_SHA256 (RFC 5246 §5). */
function expansion(secret: Uint8Array, seed: Uint8Array): Buffer {
  const hmac = (...data: Uint8Array[]): Buffer => createHmac('sha256', secret).update(Buffer.concat(data)).digest();
  const first = hmac(seed);
  return Buffer.concat([hmac(first, seed), hmac(hmac(first), seed)]);
}

async function saidWith(keys: unknown, file: Uint8Array = bytes): Promise<Record<'client' | 'server', string>> {
  const [conversation] = (await decrypt(file, { keys })).conversations;
  const by = (sender: string): string =>
    Buffer.concat(
      conversation?.records.flatMap((record) =>
        record.sender === sender && record.type === 23 ? (record.plaintext ?? []) : [],
      ) ?? [],
    ).toString();
  return { client: by('client'), server: by('server') };
}
