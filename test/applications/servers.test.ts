import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';
import { type ApplicationOptions, runClient, stopApplications } from './application.ts';
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
  /** Whether the server wants a certificate of the client's. */
  readonly isMutual?: boolean;
  /** How many connections by TLS the client makes. */
  readonly connections: number;
}

const letter = { secureConnection: true, exists: 1, same: true, subject: 'ktls' };
const entry = { count: 1, name: 'dc=example,dc=org', same: true };

const pairs: readonly Pair[] = [
  ...(['secure', 'STARTTLS'] as const).map((how) => ({
    name: `basic-ftp and vsftpd (${how})`,
    start: (identity: IdentityFiles) => startVsftpd(identity, how),
    client: 'ftp-client',
    words: [how],
    answer: { names: ['file.txt'], same: true, encrypted: true, authorized: true },
    connections: 4,
  })),
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
    isMutual: true,
    answer: { count: 501, same: true },
    connections: 1,
  },
  {
    name: 'amqplib and RabbitMQ',
    start: startRabbitmq,
    client: 'amqp-client',
    isMutual: true,
    answer: { product: 'RabbitMQ', count: 501, same: true },
    connections: 1,
  },
  {
    name: 'nats and its server (STARTTLS)',
    start: startNats,
    client: 'nats-client',
    isMutual: true,
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

const runs = (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) => libraries.map((each) => ({ version, ...each })));

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

describe.each(pairs)('$name', ({ start, client, words = [], isMutual = false, answer, connections }) => {
  let service: Service | undefined;

  beforeAll(async () => {
    service = await start(identity);
  });
  afterAll(() => service?.stop());

  function run(options: ApplicationOptions, authority: string, isKnown: boolean): ReturnType<typeof runClient> {
    const own = isMutual && isKnown ? [identity.client.key, identity.client.cert] : [];
    return runClient(client, [service?.port ?? 0, authority, ...words, ...own], options);
  }

  test.each(runs)('$version with $library', async ({ version, registered }) => {
    const newest = version === 'TLSv1.2' ? '--tls-max-v1.2' : '--tls-max-v1.3';
    const told = await run({ registered, environment: { NODE_OPTIONS: newest } }, identity.files.ca, true);
    expect(told.answer).toEqual(answer);
    const ours = told.connections.map((line) => line.replace(/^ktls client of .*: (TLSv1\.\d) .*/, '$1'));
    expect(ours).toEqual(registered ? Array(connections).fill(version) : []);
  });

  test('a certificate of somebody else is refused, with the same code', async () => {
    const [theirs, ours] = await Promise.all(
      libraries.map(({ registered }) => codeOf(run({ registered }, stranger.files.ca, true))),
    );
    expect(theirs).toMatch(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/);
    expect(ours).toBe(theirs);
  });

  if (!isMutual) return;

  // What the client is told depends on whether the server's alert arrives before the end of the connection.
  test.each(libraries)('with $library, a client without a certificate is refused', async ({ registered }) => {
    const code = await codeOf(run({ registered }, identity.files.ca, false));
    expect(code).toMatch(
      /^(ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED|ERR_SSL_SSL\/TLS_ALERT_BAD_CERTIFICATE|ECONNRESET|EPIPE)$/,
    );
  });
});

/** The code of the error that a program has ended with. */
async function codeOf(told: Promise<unknown>): Promise<string | undefined> {
  const said = await told.then(String, String);
  return /\bcode: '([^']+)'/.exec(said)?.[1];
}
