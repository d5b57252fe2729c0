import { createCipheriv, createHmac, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { captureCryptography } from '../../src/decrypt/capture-cryptography.ts';
import { CaptureDecryption } from '../../src/dissect/capture-decryption.ts';
import { CbcEpoch, StreamEpoch } from '../../src/dissect/epochs/mac-epoch.ts';
import { Rc4 } from '../../src/dissect/epochs/rc4.ts';
import { KeyLog } from '../../src/dissect/secrets/key-log.ts';
import { decrypt } from '../../src/keys.ts';
import { cipherSuiteNames } from '../../src/protocol/cipher-suite-names.ts';
import { cipherSuite } from '../../src/protocol/cipher-suites.ts';
import { hex } from '../helpers/hex.ts';
import { pattern } from '../helpers/pattern.ts';
import { caseFile, caseKeyLog, decryptCase, hello, saidBy } from './cases.ts';

test.each([
  ['t13-ccm8', 'TLSv1.3', 'TLS_AES_128_CCM_8_SHA256'],
  ['t12-ccm8', 'TLSv1.2', 'TLS_DHE_RSA_WITH_AES_256_CCM_8'],
  ['t12-pskccm', 'TLSv1.2', 'TLS_PSK_WITH_AES_128_CCM'],
  ['t12-dhepskccm', 'TLSv1.2', 'TLS_DHE_PSK_WITH_AES_256_CCM'],
  ['t12-null', 'TLSv1.2', 'TLS_RSA_WITH_NULL_SHA256'],
  ['t10', 'TLSv1', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
  ['t11', 'TLSv1.1', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
  ['camellia', 'TLSv1.2', 'TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256'],
  ['aria', 'TLSv1.2', 'TLS_RSA_WITH_ARIA_256_GCM_SHA384'],
])('%s: %s, %s', async (name, version, suite) => {
  const { conversations, problems } = await decryptCase(name);
  expect(problems).toEqual([]);
  expect(conversations).toMatchObject([{ version, cipherSuite: suite, problems: [] }]);
  expect({ client: saidBy(conversations[0], 'client'), server: saidBy(conversations[0], 'server') }).toEqual(hello);
});

test('a cipher that this OpenSSL does not have is told', async () => {
  const bytes = readFileSync(caseFile('camellia.pcapng'));
  const keyLog = new KeyLog();
  keyLog.add(caseKeyLog('camellia'));
  const without = { ...captureCryptography, supports: () => false };
  const decryption = new CaptureDecryption(without, { keyLog, exported: new Map(), privateKeys: [] });
  const reasons = [...decryption.push(bytes), ...decryption.end()].flatMap((event) =>
    event.kind === 'problem' ? [event.problem.reason] : [],
  );
  expect(reasons).toEqual(['the cipher suite TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256 is not supported']);
});

test('Go’s connections, of three versions', async () => {
  const { conversations } = await decryptCase('go');
  expect(conversations.map(({ version }) => version)).toEqual(['TLSv1.2', 'TLSv1.3', 'TLSv1.1']);
  for (const each of conversations) expect(saidBy(each, 'client').split('|')).toHaveLength(5);
});

test('a hello longer than a record', async () => {
  const { conversations } = await decryptCase('alpn160');
  expect(saidBy(conversations[0], 'server')).toBe(hello.server);
});

describe('RSA key exchange', () => {
  test('by a line of the key log for what the client encrypted', async () => {
    const { conversations, problems } = await decryptCase('t12-rsa');
    expect(problems).toEqual([]);
    expect(saidBy(conversations[0], 'client')).toBe(hello.client);
  });

  test('the same with an extended master secret, and the session that is resumed by its ticket', async () => {
    const { conversations } = await decryptCase('rsa-resumed');
    expect(conversations.map((each) => saidBy(each, 'client'))).toEqual([hello.client, hello.client]);
    expect(conversations.map(({ problems }) => problems)).toEqual([[], []]);
  });

  test('by the server’s private key', async () => {
    const privateKey = readFileSync(caseFile('rsa-resumed.key'));
    const { conversations } = await decryptCase('rsa-resumed', { keyLog: undefined, privateKey });
    expect(conversations.map((each) => saidBy(each, 'server'))).toEqual([hello.server, hello.server]);
    for (const type of ['pkcs1', 'pkcs8'] as const) {
      const der = createPrivateKey(privateKey).export({ format: 'der', type });
      const again = await decryptCase('rsa-resumed', { keyLog: undefined, privateKey: [der] });
      expect(saidBy(again.conversations[0], 'server')).toBe(hello.server);
    }
    const [other] = (await decryptCase('t12-rsa', { keyLog: undefined, privateKey: [privateKey] })).conversations;
    expect(other?.problems[0]?.reason).toContain('there are no secrets of this connection');
  });

  test('a key that is none is told, without what it is', async () => {
    const behindWords = createPrivateKey(readFileSync(caseFile('rsa-resumed.key')));
    const encrypted = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'words' } as const;
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const keys = ['secret words', behindWords.export(encrypted), elliptic.export({ format: 'pem', type: 'pkcs8' })];
    for (const privateKey of keys) {
      await expect(decrypt(caseFile('t10.pcapng'), { privateKey })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
        message: 'the private key is no RSA key without a passphrase, in PEM or DER',
      });
    }
  });

  test('by lines with the client’s random, or with the session', async () => {
    const [, , premaster] = caseKeyLog('t12-rsa').trim().split(' ');
    const [conversation] = (await decryptCase('t12-rsa', { keyLog: undefined })).conversations;
    const keyLog = `PMS_CLIENT_RANDOM ${conversation?.clientRandom} ${premaster}`;
    expect(saidBy((await decryptCase('t12-rsa', { keyLog })).conversations[0], 'client')).toBe(hello.client);

    const [, , master] = caseKeyLog('rsa-resumed-masters').trim().split(' ');
    const [, resumed] = (await decryptCase('rsa-resumed')).conversations;
    const serverHello = resumed?.records.find(({ sender }) => sender === 'server')?.plaintext;
    const sessionId = Buffer.from(serverHello?.subarray(39, 39 + 32) ?? []).toString('hex');
    const found = await decryptCase('rsa-resumed', {
      keyLog: `RSA Session-ID:${sessionId.toUpperCase()} Master-Key:${master?.split('\n')[0]}`,
    });
    expect(found.conversations.map((each) => saidBy(each, 'client'))).toEqual(['', hello.client]);
  });
});

describe('suites with a MAC', () => {
  const suites = [...cipherSuiteNames.keys()].map((number) => cipherSuite(number));
  const ciphers = new Map(
    suites.flatMap(({ protection }) => (protection?.kind === 'cbc' ? [[protection.cipher, protection]] : [])),
  );

  test.each(
    [...ciphers.values()].flatMap((protection) =>
      [0x0301, 0x0302, 0x0303].flatMap((version) =>
        [false, true].map((encryptThenMac) => [protection.cipher, version, encryptThenMac, protection] as const),
      ),
    ),
  )('%s, 0x%i, encrypt then MAC: %s', (_, version, encryptThenMac, protection) => {
    const keys = {
      key: pattern(protection.keyLength, 3),
      macKey: pattern(protection.macLength, 5),
      iv: version === 0x0301 ? pattern(protection.blockLength, 7) : new Uint8Array(),
    };
    const setting = { version, protection, keys, encryptThenMac };
    const records = sealCbc(setting, [pattern(20), pattern(0), pattern(300)]);
    const epoch = new CbcEpoch(captureCryptography, { ...setting, keys: { ...keys } });
    for (const [at, length] of [20, 0, 300].entries()) {
      const record = records[at] ?? new Uint8Array();
      const damaged = record.map((byte, index) => (index === record.length - 1 ? byte ^ 1 : byte));
      if (version !== 0x0301) expect(epoch.open(damaged)).toBeUndefined();
      // The same record may be tried again.
      epoch.sequenceNumber++;
      expect(epoch.open(record)).toBeUndefined();
      epoch.sequenceNumber--;
      expect(Uint8Array.from(epoch.open(record)?.fragment ?? [])).toEqual(pattern(length));
    }
  });

  test('RC4 (RFC 6229 §2)', () => {
    expect(new Rc4(hex('0102030405060708090a0b0c0d0e0f10')).apply(new Uint8Array(16))).toEqual(
      hex('9ac7cc9a609d1ef7b2932899cde41b97'),
    );
  });

  test('RC4 goes on where the record before ended, and another try changes nothing', () => {
    const protection = cipherSuite(0xc011).protection;
    if (protection?.kind !== 'stream') throw new Error('this suite has RC4');
    const keys = { key: pattern(16), macKey: pattern(20), iv: new Uint8Array() };
    const cipher = new Rc4(keys.key);
    const records = [pattern(9), pattern(40)].map((content, number) => {
      const tag = macOf('sha1', keys.macKey, number, 0x0303, content);
      return recordOf(0x0303, cipher.apply(Buffer.concat([content, tag])));
    });
    const epoch = new StreamEpoch(captureCryptography, { version: 0x0303, protection, keys, encryptThenMac: false });
    expect(epoch.open(records[1] ?? new Uint8Array())).toBeUndefined();
    expect(records.map((record) => epoch.open(record)?.fragment)).toEqual([pattern(9), pattern(40)]);
  });

  test('every suite that has a name has a protection', () => {
    expect(suites.filter(({ protection }) => protection === undefined).map(({ name }) => name)).toEqual([]);
  });
});

function sealCbc(
  { version, protection, keys, encryptThenMac }: ConstructorParameters<typeof CbcEpoch>[1],
  contents: readonly Uint8Array[],
): Uint8Array[] {
  let chain = keys.iv;
  return contents.map((content, number) => {
    const { cipher, blockLength, mac } = protection;
    const tag = encryptThenMac ? new Uint8Array() : macOf(mac, keys.macKey, number, version, content);
    const length = content.length + tag.length;
    const padding = blockLength - 1 - (length % blockLength);
    const padded = Buffer.concat([content, tag, Buffer.alloc(padding + 1, padding)]);
    const iv = version === 0x0301 ? chain : pattern(blockLength, number);
    const sealed = createCipheriv(cipher, keys.key, iv).setAutoPadding(false).update(padded);
    chain = sealed.subarray(-blockLength);
    const encrypted = version === 0x0301 ? sealed : Buffer.concat([iv, sealed]);
    const outer = encryptThenMac ? macOf(mac, keys.macKey, number, version, encrypted) : new Uint8Array();
    return recordOf(version, Buffer.concat([encrypted, outer]));
  });
}

function macOf(hash: string, key: Uint8Array, number: number, version: number, content: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeBigUInt64BE(BigInt(number));
  header[8] = 23;
  header.writeUInt16BE(version, 9);
  header.writeUInt16BE(content.length, 11);
  return createHmac(hash, key).update(header).update(content).digest();
}

function recordOf(version: number, body: Uint8Array): Uint8Array {
  const header = Buffer.of(23, version >> 8, version & 0xff, body.length >> 8, body.length & 0xff);
  return Uint8Array.from(Buffer.concat([header, body]));
}
