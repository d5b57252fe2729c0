import { createDecipheriv } from 'node:crypto';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { expandLabel } from '../../src/key-schedule/tls13.ts';
import { hmac } from '../../src/keys/hmac.ts';
import type { ConnectionKeys, EpochKeys } from '../../src/keys.ts';
import { issue } from '../helpers/certificates.ts';
import { splitRecords } from '../helpers/reference-protection.ts';
import { listenUntilEnd, owned } from '../socket/scenario.ts';
import { cells, echo, openAll, recordsOf, wire } from './wire.ts';

const hello = Buffer.from('some data');
const asked = { exportKeys: true, ktls: 'off' } as const;

describe.each(['native', 'wasm'] as const)('on the layer %s', (portableLayer) => {
  describe.each(['client', 'server'] as const)('at the %s', (role) => {
    it.each(cells)('%s %s: exported keys open the records that come next', async (version, ciphers) => {
      const connection = await wire({ role, version, ciphers, ours: { ...asked, portableLayer } });
      await echo(connection, hello);
      await echo(connection, hello);
      const { read, write } = connection.ours.exportKeys();
      if (!read || !write) throw new Error('keys are missing');
      const records = await recordsOf(connection, () => echo(connection, Buffer.alloc(40_000, 'long')));
      expect(openAll(write, records.write)).toEqual(Buffer.alloc(40_000, 'long'));
      expect(openAll(read, records.read)).toEqual(Buffer.alloc(40_000, 'long'));
      const other = { client: 'server', server: 'client' } as const;
      expect(read).toMatchObject({
        direction: 'read',
        sender: other[role],
        epoch: 0,
        version,
        recordLayer: portableLayer,
      });
      expect(write).toMatchObject({ direction: 'write', sender: role, epoch: 0, version, recordLayer: portableLayer });
      if (version === 'TLSv1.2' && !ciphers.includes('CHACHA')) {
        expect(records.write[0]?.subarray(5, 13), 'the explicit nonce').toEqual(write.iv.subarray(4));
      }
    });

    it('a KeyUpdate begins an epoch, whose keys open what follows and come from the secret of the one before', async () => {
      const connection = await wire({ role, version: 'TLSv1.3', ours: { ...asked, portableLayer } });
      const { ours } = connection;
      await echo(connection, hello);
      const before = ours.exportKeys();
      const told: EpochKeys[] = [];
      ours.on('keys', (keys: EpochKeys) => told.push(keys));
      for (let round = 1; round <= 3; round++) {
        ours.updateKeys({ requestPeer: true });
        await echo(connection, hello);
        await echo(connection, hello);
        const { read, write } = ours.exportKeys();
        if (!read || !write) throw new Error('keys are missing');
        expect([read.epoch, write.epoch]).toEqual([round, round]);
        expect(
          told.map(({ direction, epoch, sequenceNumber }) => [direction, epoch, sequenceNumber]).slice(-2),
        ).toEqual([
          ['write', round, 0n],
          ['read', round, 0n],
        ]);
        expect(told.at(-1)?.key).toEqual(read.key);
        const records = await recordsOf(connection, () => echo(connection, hello));
        expect([openAll(write, records.write), openAll(read, records.read)]).toEqual([hello, hello]);
      }
      const { write } = before;
      let secret = write?.trafficSecret ?? new Uint8Array();
      for (let round = 0; round < 3; round++)
        secret = expandLabel(hmac, write?.hash ?? 'sha256', secret, 'traffic upd', secret.length);
      expect(ours.exportKeys().write?.trafficSecret).toEqual(secret);
    });
  });
});

it.each([
  ['TLSv1.3', 'TLS_AES_128_CCM_SHA256'],
  ['TLSv1.2', 'ECDHE-ECDSA-AES128-CCM'],
] as const)('%s %s: OpenSSL protects the records, and its keys are exported', async (version, ciphers) => {
  const connection = await wire({ role: 'client', version, ciphers, ours: asked });
  await echo(connection, hello);
  const { write } = connection.ours.exportKeys();
  expect(write).toMatchObject({ aead: 'aes-128-ccm', recordLayer: 'wasm' });
  if (!write) throw new Error('keys are missing');
  const [record] = (await recordsOf(connection, () => echo(connection, hello))).write;
  if (!record) throw new Error('no record');
  const isTls13 = version === 'TLSv1.3';
  const nonce = Buffer.from(write.iv);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(write.sequenceNumber);
  if (isTls13) for (const [i, byte] of number.entries()) nonce[4 + i] = (nonce[4 + i] ?? 0) ^ byte;
  else expect(record.subarray(5, 13)).toEqual(new Uint8Array(write.iv.subarray(4)));
  const ciphertext = record.subarray(isTls13 ? 5 : 13, -16);
  const header = Buffer.from(record.subarray(0, 5));
  const additional = isTls13 ? header : Buffer.concat([number, header.subarray(0, 3), Buffer.of(0, ciphertext.length)]);
  const decipher = createDecipheriv('aes-128-ccm', write.key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(record.subarray(-16)).setAAD(additional, { plaintextLength: ciphertext.length });
  const opened = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  expect(opened).toEqual(isTls13 ? Buffer.concat([hello, Buffer.of(23)]) : hello);
});

it('a suite whose keys OpenSSL keeps has a reason and a key log', async () => {
  const { ours } = await wire({
    role: 'client',
    version: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES128-SHA256',
    ours: asked,
  });
  const { read, write, unavailable, keyLog, cipherSuite } = ours.exportKeys();
  expect([read, write]).toEqual([undefined, undefined]);
  expect(unavailable.read).toContain(cipherSuite);
  expect(unavailable.write).toContain('OpenSSL');
  expect(keyLog).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}\n$/);
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: what was negotiated, at both ends the same', async (maxVersion) => {
  const identity = await issue(undefined);
  const options = { ...asked, maxVersion, ALPNProtocols: ['one'] };
  const server = ktls.createServer({ ...identity, ...options });
  const port = await listenUntilEnd(server);
  const client = owned(
    ktls.connect({ port, ca: identity.cert, servername: 'localhost', ecdhCurve: 'P-256', ...options }),
  );
  const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
  if (!(accepted instanceof ktls.TLSSocket)) throw new Error('not a socket of ours');
  const [here, there] = [client.exportKeys(), accepted.exportKeys()];
  const facts = ({ clientRandom, serverRandom, role: _, read, write, keyLog, ...rest }: ConnectionKeys) => ({
    ...rest,
    randoms: [clientRandom, serverRandom].map((random) => Buffer.from(random).toString('hex')),
    lines: keyLog.split('\n').toSorted(),
  });
  expect(facts(here)).toEqual(facts(there));
  expect([here.role, there.role]).toEqual(['client', 'server']);
  expect(here).toMatchObject({
    version: maxVersion,
    cipherSuite: client.getCipher().standardName,
    group: 'secp256r1',
    signatureScheme: 'ecdsa_secp256r1_sha256',
    serverName: 'localhost',
    alpnProtocol: 'one',
    resumed: false,
  });
  expect(here.keyLog).toContain(` ${Buffer.from(here.clientRandom).toString('hex')} `);
  expect(here.serverRandom).toHaveLength(32);
});

it.each([
  ['client', 'TLSv1.3', 'full'],
  ['client', 'TLSv1.2', 'full'],
  ['client', 'TLSv1.3', 'resumed'],
  ['client', 'TLSv1.2', 'resumed'],
  ['server', 'TLSv1.3', 'full'],
  ['server', 'TLSv1.2', 'full'],
] as const)(
  'within the event that says that a %s is secure (%s, %s) the keys are those of the first data',
  async (role, version, kind) => {
    let session: Uint8Array | undefined;
    if (kind === 'resumed') {
      const first = await wire({ role: 'client', version, ours: asked });
      await echo(first, hello);
      session = first.ours.getSession();
    }
    const exported: ConnectionKeys[] = [];
    const onSecure = (socket: ktls.TLSSocket): void => void exported.push(socket.exportKeys());
    const connection = await wire({ role, version, ours: asked, session, onSecure });
    await echo(connection, hello);
    const [keys] = exported;
    expect(keys).toMatchObject({ unavailable: {}, resumed: kind === 'resumed' });
    if (!keys?.write) throw new Error('keys are missing');
    expect(openAll(keys.write, splitRecords(connection.passed.write).slice(-1))).toEqual(hello);
    expect(keys.write).toMatchObject({ epoch: 0, recordLayer: 'native' });
  },
);

it('a server tells of the keys of its connections, from the first', async () => {
  const identity = await issue(undefined);
  const server = ktls.createServer({ ...identity, ...asked });
  const told: unknown[] = [];
  server.on('keys', (keys, socket) => told.push([keys.direction, keys.epoch, socket instanceof ktls.TLSSocket]));
  const client = owned(ktls.connect({ port: await listenUntilEnd(server), ca: identity.cert }));
  await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
  expect(told).toEqual([
    ['write', 0, true],
    ['read', 0, true],
  ]);
});

describe('without being asked before the handshake', () => {
  it('nothing is exported', async () => {
    const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: { ktls: 'off' } });
    let told = 0;
    ours.on('keys', () => told++);
    ours.updateKeys({ requestPeer: true });
    await echo({ ours }, hello);
    expect(() => ours.exportKeys()).toThrow(expect.objectContaining({ code: 'ERR_KTLS_KEYS_NOT_EXPORTED' }));
    expect(told).toBe(0);
  });

  it('changes of keys are counted', async () => {
    const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: { ktls: 'off' } });
    expect(ours.keyEpochs).toEqual({ read: 0, write: 0 });
    ours.updateKeys();
    await echo({ ours }, hello);
    expect(ours.keyEpochs).toEqual({ read: 0, write: 1 });
    ours.updateKeys({ requestPeer: true });
    await echo({ ours }, hello);
    await echo({ ours }, hello);
    expect(ours.keyEpochs).toEqual({ read: 1, write: 2 });
    expect(new ktls.TLSSocket().keyEpochs).toEqual({ read: undefined, write: undefined });
  });

  it('wrong types are refused', () => {
    for (const wrong of [{ exportKeys: 'yes' }, { capture: '/tmp/file' }, { capture: null }]) {
      expect(() => Reflect.construct(ktls.TLSSocket, [undefined, wrong])).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
  });
});

it('before the handshake is done, and once the connection is gone, there are no keys', async () => {
  const refused = expect.objectContaining({ code: 'ERR_TLS_INVALID_STATE' });
  const waiting = owned(new ktls.TLSSocket(undefined, asked));
  expect(() => waiting.exportKeys()).toThrow(refused);
  const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: asked });
  ours.destroy();
  expect(() => ours.exportKeys()).toThrow(refused);
});

it('what is exported can be wiped, and the connection goes on', async () => {
  const connection = await wire({ role: 'client', version: 'TLSv1.3', ours: asked });
  const keys = connection.ours.exportKeys();
  keys.dispose();
  for (const epoch of [keys.read, keys.write]) {
    for (const bytes of [epoch?.key, epoch?.iv, epoch?.trafficSecret]) expect(new Set(bytes)).toEqual(new Set([0]));
  }
  connection.ours.updateKeys({ requestPeer: true });
  await echo(connection, hello);
  expect(connection.ours.exportKeys().write?.key).not.toEqual(keys.write?.key);
});

it('secrets are in JSON, and in nothing that inspect() shows', async () => {
  const { ours } = await wire({ role: 'client', version: 'TLSv1.3', ours: asked });
  let event: unknown;
  ours.on('keys', (keys) => {
    event = keys;
  });
  ours.updateKeys();
  const keys = ours.exportKeys();
  const json = JSON.parse(JSON.stringify(keys));
  expect(json.write).toMatchObject({ epoch: 1, sequenceNumber: '0', key: /^[0-9a-f]{64}$/.exec(json.write.key)?.[0] });
  expect(json.keyLog).toBe(keys.keyLog);
  const secrets = [json.write.key, json.write.iv, json.write.trafficSecret, json.read.key, json.read.trafficSecret];
  const everything = { depth: 12, maxArrayLength: null, maxStringLength: null } as const;
  for (const value of [keys, keys.write, event, ours]) {
    const shown = inspect(value, everything);
    for (const secret of secrets) {
      expect(shown).not.toContain(secret);
      expect(shown).not.toContain(inspect(Buffer.from(secret, 'hex'), everything).slice(8, -1));
      expect(shown).not.toContain([...Buffer.from(secret, 'hex').subarray(0, 6)].join(', '));
    }
    expect(shown).not.toContain('_TRAFFIC_SECRET_');
  }
});
