import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import type { ConnectionEvent } from '../../src/connection/events.ts';
import type { Output } from '../../src/connection/handshake.ts';
import { noKernel } from '../../src/connection/record-layer.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { advance } from '../../src/record/crypto-info.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { nodeLayer } from './node-layer.ts';
import { type Answer, agreed, ScriptedHandshake } from './scripted-handshake.ts';

const hello = Uint8Array.of(22, 3, 1, 0, 1, 0xaa);
const second = Uint8Array.of(22, 3, 3, 0, 1, 0xbb);
const third = Uint8Array.of(22, 3, 3, 0, 1, 0xcc);
const fatal = (alert: number): Output => ({ kind: 'ciphertext', bytes: Uint8Array.of(21, 3, 3, 0, 2, 2, alert) });

function keys(version: ProtocolVersionNumber): TrafficKeys {
  const [key, iv] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2)];
  return { version, aead: 'aes-128-gcm', key, iv, sequenceNumber: 0n };
}

/** A record with data as the peer would protect it. */
function protectedData(version: ProtocolVersionNumber, text: string): Uint8Array {
  return nodeLayer.sealer(keys(version)).seal(23, Buffer.from(text));
}

/** A connection over a scripted handshake: what it sent and told. */
function start(...answers: readonly (Answer | readonly Output[])[]) {
  const handshake = new ScriptedHandshake(...answers);
  const sent: Uint8Array[] = [];
  const later: ConnectionEvent[] = [];
  const connection = new Connection({
    handshake,
    sink: {
      pending: 0,
      isDirect: false,
      isDoneWithMemory: false,
      writeNow: () => 0,
      cork() {},
      uncork() {},
      write: (bytes, done) => {
        sent.push(bytes);
        done();
      },
      end: (done) => done(),
    },
    software: nodeLayer,
    kernel: noKernel('there is none'),
    holdsLastFlight: false,
    onEvent: (event) => void later.push(event),
  });
  return { connection, handshake, sent, later };
}

const given = (records: Uint8Array): string => `ciphertext ${Buffer.from(records).toString('hex')}`;
const kinds = (events: readonly ConnectionEvent[]): string[] => events.map(({ kind }) => kind);
const done: Output = { kind: 'handshakeDone', negotiated: agreed };

describe('a handshake that answers', () => {
  test('at once is given the next records when it has read the last', () => {
    const { connection, handshake } = start([], { outputs: [], unread: second.length }, []);
    connection.resume();
    connection.receive(Buffer.concat([hello, second]));
    expect(handshake.calls).toEqual(['resume', given(Buffer.concat([hello, second])), given(second)]);
  });

  test('later is given nothing until then, and told apart from what it has not read', () => {
    const { connection, handshake, sent } = start([], [{ kind: 'later' }], []);
    connection.resume();
    expect(connection.receive(Buffer.concat([hello, second]))).toEqual([]);
    expect(connection.isSuspended).toBe(true);
    expect(connection.receive(third)).toEqual([]);
    expect(handshake.calls).toHaveLength(2);
    handshake.leave(second.length);
    connection.answer([{ kind: 'ciphertext', bytes: Uint8Array.of(1) }]);
    expect(sent).toEqual([Uint8Array.of(1)]);
    expect(connection.isSuspended).toBe(false);
    expect(handshake.calls.slice(2)).toEqual([second, third].map(given));
  });

  test('with a question is given nothing until it is told to go on', () => {
    const question: Output = { kind: 'question', about: 'certificate', wantsOcsp: false };
    const { connection, handshake } = start([], { outputs: [question], unread: second.length }, [], []);
    connection.resume();
    expect(kinds(connection.receive(Buffer.concat([hello, second])))).toEqual(['question']);
    connection.receive(third);
    expect(handshake.calls).toHaveLength(2);
    connection.resume();
    expect(handshake.calls.slice(2)).toEqual(['resume', given(second), given(third)]);
  });
});

test('a write says that all is sealed where it is, and not where it waits or OpenSSL seals', () => {
  const install: Output = { kind: 'installKeys', direction: 'write', keys: keys(ProtocolVersion.tls13) };
  const ignore = (): void => {};
  const { connection, sent } = start([], [install, done]);
  connection.resume();
  connection.receive(hello);
  const [bytes, count] = [Buffer.from('all of it'), sent.length];
  expect(connection.write([bytes], ignore)).toBe(true);
  bytes.fill(0);
  const opener = nodeLayer.opener(keys(ProtocolVersion.tls13));
  const { applicationData = [] } = opener.open(Buffer.concat(sent.slice(count)));
  expect(String(Buffer.from(applicationData))).toBe('all of it');
  let isSealed: boolean | undefined;
  connection.release(() => {
    isSealed = connection.write([bytes], ignore);
  });
  expect(isSealed).toBe(false);

  const engine = start([], [done], [{ kind: 'ciphertext', bytes: Uint8Array.of(1) }]);
  engine.connection.resume();
  engine.connection.receive(hello);
  expect(engine.connection.write([bytes], ignore)).toBe(false);
});

describe('the end of a handshake', () => {
  test('brings what was negotiated, as the same value from then on', () => {
    const { connection } = start([], [done]);
    connection.resume();
    const [secure] = connection.receive(hello).filter((event) => event.kind === 'secure');
    expect(secure?.negotiated).toBe(agreed);
    expect(connection.negotiated).toBe(agreed);
  });

  test.each([ProtocolVersion.tls12, ProtocolVersion.tls13])(
    'is needed for data: before it OpenSSL judges the record (version %i)',
    (version) => {
      const install: Output = { kind: 'installKeys', direction: 'read', keys: keys(version) };
      const refuses: Output[] = [fatal(10), { kind: 'error', entries: [] }];
      const { connection, handshake, sent } = start([], [install], refuses);
      handshake.version = version;
      connection.resume();
      connection.receive(hello);
      const events = connection.receive(protectedData(version, 'early'));
      expect(kinds(events)).toEqual(['failed']);
      expect(handshake.calls.at(-1)).toBe(`plaintext 23 ${Buffer.from('early').toString('hex')}`);
      expect(sent.at(-1)).toEqual(Uint8Array.of(21, 3, 3, 0, 2, 2, 10));
      expect(connection.ended).toBe(true);
    },
  );

  test('opens the way for what comes behind it in one delivery', () => {
    const version = ProtocolVersion.tls13;
    const install: Output = { kind: 'installKeys', direction: 'read', keys: keys(version) };
    const { connection } = start([], { outputs: [install, done], unread: 0 });
    connection.resume();
    connection.receive(hello);
    const [data] = connection.receive(protectedData(version, 'data')).filter(({ kind }) => kind === 'applicationData');
    expect(data).toEqual({ kind: 'applicationData', bytes: expect.any(Uint8Array) });
    expect(data?.kind === 'applicationData' && Buffer.from(data.bytes).toString()).toBe('data');
  });
});

describe('a failure', () => {
  test('found by the connection is told to the peer by the handshake, and once to whoever holds it', () => {
    const version = ProtocolVersion.tls13;
    const install: Output = { kind: 'installKeys', direction: 'read', keys: keys(version) };
    const { connection, handshake, sent } = start([], [install, done], [fatal(20)]);
    connection.resume();
    connection.receive(hello);
    const broken = protectedData(version, 'data').fill(0, 10);
    expect(connection.receive(Buffer.concat([broken, broken]))).toMatchObject([
      { kind: 'failed', failure: { by: 'record', alert: 20 } },
    ]);
    expect(handshake.calls.at(-1)).toBe('fail 20');
    expect(sent).toEqual([Uint8Array.of(21, 3, 3, 0, 2, 2, 20)]);
    expect(connection.receive(hello)).toEqual([]);
    expect(connection.resume()).toEqual([]);
  });

  test('of the handshake ends all that would come behind it', () => {
    const { connection, later } = start([], [{ kind: 'error', entries: [] }, done, { kind: 'keyLog', line: 'never' }]);
    connection.resume();
    expect(kinds(connection.receive(hello))).toEqual(['failed']);
    let refused: Error | null | undefined;
    connection.write([Buffer.from('late')], (error) => {
      refused = error;
    });
    expect(refused).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
    expect(later).toEqual([]);
  });

  test('that comes with an answer given later is told with it', () => {
    const { connection } = start([], [{ kind: 'later' }]);
    connection.resume();
    connection.receive(hello);
    expect(kinds(connection.answer([{ kind: 'error', entries: [] }]))).toEqual(['failed']);
  });
});

test('keys that are handed out are the connection’s to wipe', () => {
  const given = keys(ProtocolVersion.tls13);
  const same = advance(given, 0n);
  const { connection, handshake } = start([], [{ kind: 'installKeys', direction: 'read', keys: given }, done]);
  connection.resume();
  connection.receive(hello);
  expect(given.key).not.toEqual(same.key);
  expect([...given.key, ...given.iv].every((byte) => byte === 0)).toBe(true);
  connection.dispose();
  expect(handshake.disposed).toBe(true);
});
