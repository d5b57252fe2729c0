import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { runClient, stopApplications } from './application.ts';
import type { Service } from './service.ts';
import { startMariadb, startPostgresql, startRedis } from './services.ts';

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(stopApplications);
afterAll(() => identity.remove());

const databases = [
  {
    name: 'pg and PostgreSQL (STARTTLS)',
    start: startPostgresql,
    client: 'postgresql-client',
    answer: { ssl: true, version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', length: 2_000_000, same: true },
  },
  {
    name: 'mysql2 and MariaDB (STARTTLS)',
    start: startMariadb,
    client: 'mysql-client',
    answer: { version: 'TLSv1.3', length: 2_000_000 },
  },
  {
    name: 'ioredis and Redis',
    start: startRedis,
    client: 'redis-client',
    answer: { same: true, count: '1000' },
  },
];

describe.each(databases)('$name', ({ start, client, answer }) => {
  let service: Service;

  beforeAll(async () => {
    service = await start(identity);
  });
  afterAll(() => service?.stop());

  test('the application, unchanged, under ktls/register', async () => {
    const told = await runClient(client, [service.port, identity.files.ca]);
    expect(told.answer).toEqual(answer);
    expect(told.connections).toEqual([expect.stringMatching(/^ktls client of .*: TLSv1\.3 TLS_AES_256_GCM_SHA384, /)]);
  });

  test('a certificate of somebody else is refused', async () => {
    const other = await makeIdentityFiles();
    try {
      await expect(runClient(client, [service.port, other.files.ca])).rejects.toThrow(
        /ktls client of .*: failed, UNABLE_TO_VERIFY_LEAF_SIGNATURE$/m,
      );
    } finally {
      other.remove();
    }
  });
});
