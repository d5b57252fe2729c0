import { describe, expect, test } from 'vitest';
import { KeyLog } from '../../src/capture/key-log.ts';
import { hex } from '../helpers/hex.ts';

const random = 'ab'.repeat(32);
const secret32 = '01'.repeat(32);
const secret48 = '02'.repeat(48);

describe('a key log', () => {
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
    expect(log.secret(hex(random), 'CLIENT_RANDOM')).toEqual(hex(secret48));
    expect(log.secret(hex(random), 'SERVER_TRAFFIC_SECRET_0')).toEqual(hex(secret32));
    expect(log.secret(hex(random), 'CLIENT_TRAFFIC_SECRET_0')).toBeUndefined();
    expect(log.secret(hex('cd'.repeat(32)), 'CLIENT_RANDOM')).toBeUndefined();
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
    `CLIENT_RANDOM ${random} ${secret48} more`,
  ])('counts %j as malformed', (line) => {
    const log = new KeyLog();
    log.add(`${line}\n`);
    expect([log.size, log.malformed]).toEqual([0, 1]);
  });

  test('forgets all when disposed of', () => {
    const log = new KeyLog();
    log.add(`CLIENT_RANDOM ${random} ${secret48}`);
    const held = log.secret(hex(random), 'CLIENT_RANDOM');
    log.dispose();
    expect(held).toEqual(new Uint8Array(48));
    expect(log.secret(hex(random), 'CLIENT_RANDOM')).toBeUndefined();
  });
});
