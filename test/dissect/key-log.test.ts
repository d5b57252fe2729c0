import { describe, expect, test } from 'vitest';
import { KeyLog } from '../../src/dissect/secrets/key-log.ts';
import { hex } from '../helpers/hex.ts';

const random = 'ab'.repeat(32);
const secret32 = '01'.repeat(32);
const secret48 = '02'.repeat(48);

describe('a key log', () => {
  test('of a capture has so many secrets, and bytes of them', () => {
    const log = new KeyLog();
    const line = (i: number): string => `ECH_CONFIG ${`${i}`.padStart(64, '0')} ${'ab'.repeat(4096)}`;
    for (let i = 0; i < 100; i++) log.add(line(i), 80);
    expect(log.size).toBe(10);
    for (let i = 0; i < 100; i++) log.add(line(i));
    expect(log.size).toBe(100);
  });

  test('of nothing but line ends takes no memory for each', () => {
    const log = new KeyLog();
    const before = process.memoryUsage().rss;
    log.add('\n'.repeat(30_000_000));
    log.add(`\r\n\r\nCLIENT_RANDOM ${random} ${secret48}\r\n#\r\n`);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
    expect([log.size, log.malformed]).toEqual([1, 0]);
  });

  test('knows the randoms that have a secret of a label, each once, without a look at the others', () => {
    const log = new KeyLog();
    const label = 'CLIENT_HANDSHAKE_TRAFFIC_SECRET';
    const others = Array.from({ length: 20_000 }, (_, i) => `CLIENT_RANDOM ${`${i}`.padStart(64, '0')} ${secret48}`);
    log.add([...others, `${label} ${random} ${secret32}`, `${label} ${random.toUpperCase()} ${secret48}`].join('\n'));
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) expect([...log.randomsWith(label)]).toHaveLength(1);
    // A look at all takes minutes.
    expect(performance.now() - start).toBeLessThan(10_000);
    expect([...log.randomsWith(label)]).toEqual([hex(random)]);
    log.dispose();
    expect([...log.randomsWith(label)]).toEqual([]);
  });

  test('holds secrets by the client’s random', () => {
    const log = new KeyLog();
    log.add(
      [
        '# SSL/TLS secrets log file',
        `CLIENT_RANDOM ${random} ${secret48}`,
        '',
        `SERVER_TRAFFIC_SECRET_0 ${random.toUpperCase()} ${secret32}\r`,
        `EXPORTER_SECRET ${random} ${secret32}`,
      ].join('\n'),
    );
    expect(log.secrets(hex(random), 'CLIENT_RANDOM')).toEqual([hex(secret48)]);
    expect(log.secrets(hex(random), 'SERVER_TRAFFIC_SECRET_0')).toEqual([hex(secret32)]);
    expect(log.secrets(hex(random), 'CLIENT_TRAFFIC_SECRET_0')).toEqual([]);
    expect(log.secrets(hex('cd'.repeat(32)), 'CLIENT_RANDOM')).toEqual([]);
    expect([log.size, log.malformed]).toEqual([1, 0]);
  });

  test.each([
    'CLIENT_RANDOM',
    `CLIENT_RANDOM ${random}`,
    `CLIENT_RANDOM ${random.slice(2)} ${secret48}`,
    `CLIENT_RANDOM ${random} ${secret32}`,
    `CLIENT_RANDOM ${random} ${secret48}0`,
    `CLIENT_TRAFFIC_SECRET_0 ${random} ${secret32}00`,
    `client_random ${random} ${secret48}`,
    `RSA ${random.slice(0, 14)} ${secret48}`,
    `RSA ${random.slice(0, 16)} ${secret32}`,
    `RSA Session-ID:${random} Master-Key:${secret32}`,
  ])('counts %j as malformed', (line) => {
    const log = new KeyLog();
    log.add(`${line}\n`);
    expect([log.size, log.malformed]).toEqual([0, 1]);
  });

  test('passes over a byte order mark, and words behind a secret', () => {
    const log = new KeyLog();
    log.add(`\uFEFFCLIENT_RANDOM ${random} ${secret48} # a remark\r\n  PMS_CLIENT_RANDOM\t${random}  0102\tmore`);
    expect(log.secrets(hex(random), 'CLIENT_RANDOM')).toEqual([hex(secret48)]);
    expect(log.secrets(hex(random), 'PMS_CLIENT_RANDOM')).toEqual([hex('0102')]);
    expect([log.malformed, log.hasPremasters]).toEqual([0, true]);
  });

  test('has several secrets of one label, each once and so many at most', () => {
    const log = new KeyLog();
    for (const digit of ['01', '02', '01']) log.add(`CLIENT_RANDOM ${random} ${digit.repeat(48)}`);
    expect(log.secrets(hex(random), 'CLIENT_RANDOM')).toEqual([hex('01'.repeat(48)), hex(secret48)]);
    for (let at = 0; at < 99; at++) log.add(`CLIENT_RANDOM ${random} ${`${at + 10}`.slice(-2).repeat(48)}`);
    const last = [95, 96, 97, 98].map((at) => hex(`${at + 10}`.slice(-2).repeat(48)));
    expect(log.secrets(hex(random), 'CLIENT_RANDOM')).toEqual(last);
  });

  test('has premaster secrets by what was encrypted, and master secrets by the session', () => {
    const log = new KeyLog();
    log.add(`RSA ABABABABABABABAB ${secret48}\nRSA Session-ID:CDCD Master-Key:${secret48}`);
    expect(log.premasters(hex('ab'.repeat(256)))).toEqual([hex(secret48)]);
    expect(log.sessionSecrets(hex('cdcd'))).toEqual([hex(secret48)]);
    expect([log.sessionSecrets(new Uint8Array()), log.size, log.malformed]).toEqual([[], 2, 0]);
  });

  test('takes no more than it may from a capture', () => {
    const log = new KeyLog();
    log.add(['ab', 'cd', 'ef'].map((byte) => `CLIENT_RANDOM ${byte.repeat(32)} ${secret48}`).join('\n'), 2);
    expect(log.size).toBe(2);
  });

  test('forgets all when disposed of', () => {
    const log = new KeyLog();
    log.add(`CLIENT_RANDOM ${random} ${secret48}`);
    const [held] = log.secrets(hex(random), 'CLIENT_RANDOM');
    log.dispose();
    expect(held).toEqual(new Uint8Array(48));
    expect(log.secrets(hex(random), 'CLIENT_RANDOM')).toEqual([]);
  });
});
