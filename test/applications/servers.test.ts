import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';
import { runClient, stopApplications } from './application.ts';
import { startDovecot } from './dovecot.ts';
import type { Service } from './service.ts';
import { startMosquitto, startNats, startRabbitmq, startSlapd } from './unpacked-services.ts';
import { startVsftpd } from './vsftpd.ts';

/**
 * Packages that are clients, and servers that do not run on Node.js. Each is run with plain node:tls first, where it must give the answer too: one
 * that fails there proves nothing.
 */
interface Pair {
  readonly name: string;
  readonly start: (identity: IdentityFiles) => Promise<Service>;
  readonly client: string;
  /** What the client wants to be told besides the port and the authority. */
  readonly words?: readonly string[];
  readonly answer: unknown;
  /** TLSv1.3, unless something else is said. */
  readonly version?: string;
  /** How many connections by TLS the client makes. */
  readonly connections: number;
}

const letter = { secureConnection: true, exists: 1, same: true, subject: 'ktls' };
const entry = { count: 1, name: 'dc=example,dc=org', same: true };

const pairs: readonly Pair[] = [
  ...(['secure', 'STARTTLS'] as const).flatMap((how) =>
    (['TLSv1.3', 'TLSv1.2'] as const).map((version) => ({
      name: `basic-ftp and vsftpd (${how}, ${version})`,
      start: (identity: IdentityFiles) => startVsftpd(identity, how),
      client: 'ftp-client',
      words: [how, version],
      version,
      answer: { names: ['file.txt'], same: true, encrypted: true, authorized: true },
      connections: 4,
    })),
  ),
  ...(['secure', 'STARTTLS'] as const).map((how) => ({
    name: `imapflow and Dovecot (${how})`,
    start: (identity: IdentityFiles) => startDovecot(identity, how),
    client: 'imap-client',
    words: [how],
    answer: letter,
    connections: 1,
  })),
  {
    name: 'mqtt and Mosquitto',
    start: startMosquitto,
    client: 'mqtt-client',
    answer: { count: 501, same: true },
    connections: 1,
  },
  {
    name: 'amqplib and RabbitMQ',
    start: startRabbitmq,
    client: 'amqp-client',
    answer: { product: 'RabbitMQ', count: 501, same: true },
    connections: 1,
  },
  {
    name: 'nats and its server (STARTTLS)',
    start: startNats,
    client: 'nats-client',
    answer: { required: true, count: 501, same: true },
    connections: 2,
  },
  ...(['secure', 'STARTTLS'] as const).map((how) => ({
    name: `ldapts and OpenLDAP (${how})`,
    start: (identity: IdentityFiles) => startSlapd(identity, how),
    client: 'ldap-client',
    words: [how],
    answer: entry,
    connections: 1,
  })),
];

const libraries = [
  { library: 'node:tls', registered: false },
  { library: 'ktls/register', registered: true },
];

let identity: IdentityFiles;
let stranger: IdentityFiles;

beforeAll(async () => {
  [identity, stranger] = await Promise.all([makeIdentityFiles(), makeIdentityFiles()]);
});
afterEach(stopApplications);
afterAll(() => {
  identity.remove();
  stranger.remove();
});

test('vsftpd refuses who does not resume the session', async () => {
  const service = await startVsftpd(identity, 'STARTTLS');
  try {
    const list = (...more: readonly string[]) =>
      promisify(execFile)(program('curl'), [
        ...['--silent', '--show-error', '--ssl-reqd', '--cacert', identity.files.ca, ...more],
        `ftp://localhost:${service.port}/`,
      ]);
    await expect(list()).resolves.toMatchObject({ stderr: '' });
    await expect(list('--no-sessionid')).rejects.toThrow(/522/);
  } finally {
    await service.stop();
  }
});

describe.each(pairs)('$name', ({ start, client, words = [], version = 'TLSv1.3', answer, connections }) => {
  let service: Service | undefined;

  beforeAll(async () => {
    service = await start(identity);
  });
  afterAll(() => service?.stop());

  test.each(libraries)('with $library', async ({ registered }) => {
    const told = await runClient(client, [service?.port ?? 0, identity.files.ca, ...words], { registered });
    expect(told.answer).toEqual(answer);
    const ours = told.connections.map((line) => line.replace(/^ktls client of .*: (TLSv1\.\d) .*/, '$1'));
    expect(ours).toEqual(registered ? Array(connections).fill(version) : []);
  });

  test.each(libraries)('with $library, a certificate of somebody else is refused', async ({ registered }) => {
    const refused = runClient(client, [service?.port ?? 0, stranger.files.ca, ...words], { registered });
    await expect(refused).rejects.toThrow(/unable to verify|UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
  });
});
