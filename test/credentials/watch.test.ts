import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CredentialFiles, type CredentialWatch, watchCredentials } from '../../src/credentials.ts';
import * as http2 from '../../src/http2.ts';
import * as https from '../../src/https.ts';
import { createServer, type Server, type TlsOptions } from '../../src/index.ts';
import { createTicketKeyring } from '../../src/tickets.ts';
import { type Authority, issue, makeAuthority } from '../helpers/certificates.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { listenUntilEnd } from '../socket/scenario.ts';
import { bothSecure, dial, node, versions } from '../socket/surface.ts';

interface Pair {
  readonly key: string;
  readonly cert: string;
}

let identities: Identities;
let pairs: readonly [Pair, Pair, Pair];
let otherAuthority: Authority;
let folder: string;
const watches: CredentialWatch[] = [];

beforeAll(async () => {
  identities = await makeIdentities();
  const { authority } = identities;
  pairs = [await issue(authority), await issue(authority), await issue(authority, { keyKind: 'rsa' })];
  otherAuthority = await makeAuthority();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ktls-credentials-'));
});
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
  rmSync(folder, { recursive: true });
});

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

function put(name: string, text: string): string {
  write(name, text);
  return join(folder, name);
}

function pipe(): void {
  execFileSync('mkfifo', [join(folder, 'new.pem')]);
}

interface Watched {
  readonly server: Server;
  readonly port: number;
  readonly watch: CredentialWatch;
}

/** A server with another certificate, which watches `files`. */
async function watching(
  files: Record<keyof CredentialFiles | string, string>,
  options: TlsOptions = {},
): Promise<Watched> {
  const server = createServer({ ...identities.server, ...options });
  const port = await listenUntilEnd(server);
  const paths = Object.fromEntries(Object.entries(files).map(([what, name]) => [what, join(folder, name)]));
  const watch = watchCredentials(server, { key: '', cert: '', ...paths }, { checkEvery: 10, settleFor: 20 });
  watches.push(watch);
  return { server, port, watch };
}

/** What a client sees: which of the pairs. */
async function shown({ server, port }: Watched): Promise<number> {
  const { client } = await bothSecure(server, dial(node, port, identities));
  const { raw } = client.getPeerCertificate();
  client.destroy();
  return pairs.findIndex(({ cert }) => derOf(cert).equals(raw));
}

describe('files as they are left by', () => {
  test('certbot: a folder of symbolic links, each swapped by itself', async () => {
    mkdirSync(join(folder, 'archive'));
    mkdirSync(join(folder, 'live'));
    const link = (name: string, target: string): void => {
      symlinkSync(`../archive/${target}`, join(folder, 'live', `${name}.new`));
      renameSync(join(folder, 'live', `${name}.new`), join(folder, 'live', name));
    };
    const lay = (number: 0 | 1): void => {
      write(`archive/privkey${number}.pem`, pairs[number].key);
      write(`archive/fullchain${number}.pem`, pairs[number].cert + identities.authority.cert);
      link('privkey.pem', `privkey${number}.pem`);
      link('fullchain.pem', `fullchain${number}.pem`);
    };
    lay(0);
    const watched = await watching({ key: 'live/privkey.pem', cert: 'live/fullchain.pem' });
    expect(await watched.watch.ready()).toBe(true);
    expect(await shown(watched)).toBe(0);
    const changed = once(watched.watch, 'changed');
    lay(1);
    const [certificate] = (await changed) as [X509Certificate];
    expect(certificate.raw).toEqual(derOf(pairs[1].cert));
    expect(await shown(watched)).toBe(1);
  });

  test('cert-manager: a volume whose ..data is swapped', async () => {
    const lay = (number: 0 | 1): void => {
      mkdirSync(join(folder, `..version${number}`));
      write(`..version${number}/tls.key`, pairs[number].key);
      write(`..version${number}/tls.crt`, pairs[number].cert);
      symlinkSync(`..version${number}`, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    lay(0);
    for (const name of ['tls.key', 'tls.crt']) symlinkSync(`..data/${name}`, join(folder, name));
    const watched = await watching({ key: 'tls.key', cert: 'tls.crt' });
    await watched.watch.ready();
    expect(await shown(watched)).toBe(0);
    const changed = once(watched.watch, 'changed');
    lay(1);
    rmSync(join(folder, '..version0'), { recursive: true });
    await changed;
    expect(await shown(watched)).toBe(1);
  });

  test('acme-client: written in place, the key once and the certificate again and again', async () => {
    write('key.pem', pairs[0].key);
    write('cert.pem', pairs[0].cert);
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem' });
    await watched.watch.ready();
    const changed = once(watched.watch, 'changed');
    write('cert.pem', pairs[0].cert + identities.authority.cert);
    await changed;
    const { client } = await bothSecure(watched.server, dial(node, watched.port, identities));
    const { issuerCertificate } = client.getPeerCertificate(true);
    expect(issuerCertificate.raw).toEqual(derOf(identities.authority.cert));
  });
});

describe('the old pair goes on, and it is told, where', () => {
  const troubles: [string, () => void, RegExp][] = [
    ['the key is of another certificate', () => write('key.pem', pairs[1].key), /does not belong to the certificate/],
    ['the certificate is half-written', () => write('cert.pem', pairs[1].cert.slice(0, 300)), /is not whole/],
    [
      'a certificate behind it is half-written',
      () => write('cert.pem', pairs[0].cert + pairs[1].cert.slice(0, 300)),
      /is not whole/,
    ],
    ['the certificate is empty', () => truncateSync(join(folder, 'cert.pem')), /no certificate in it/],
    ['the key is half-written', () => write('key.pem', pairs[0].key.slice(0, 60)), /ERR_KTLS_CREDENTIALS/],
    ['the key is gone', () => unlinkSync(join(folder, 'key.pem')), /ENOENT/],
    ['the authorities are empty', () => write('ca.pem', '\n'), /no certificate in it/],
    ['the key is no key of a certificate', () => write('key.pem', x25519()), /does not belong|unsupported|ERR_KTLS/],
  ];

  test.each(troubles)('%s; and what comes behind that is taken', async (_what, trouble, message) => {
    write('key.pem', pairs[0].key);
    write('cert.pem', pairs[0].cert);
    write('ca.pem', identities.authority.cert);
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem', ca: 'ca.pem' });
    await watched.watch.ready();
    const refused = once(watched.watch, 'refused');
    trouble();
    const [error] = await refused;
    expect(`${error.code} ${error.message}`).toMatch(message);
    expect(error).toMatchObject({ code: 'ERR_KTLS_CREDENTIALS', cause: expect.anything() });
    expect(error.message).not.toMatch(/BEGIN|[A-Za-z0-9+/]{40}/);
    expect(await shown(watched)).toBe(0);
    const changed = once(watched.watch, 'changed');
    write('ca.pem', identities.authority.cert);
    write('cert.pem', pairs[2].cert);
    write('key.pem', pairs[2].key);
    await changed;
    expect(await shown(watched)).toBe(2);
  });

  const odd: [string, () => void, RegExp][] = [
    ['a folder', () => mkdirSync(join(folder, 'new.pem')), /this is no file|EISDIR|illegal operation/],
    ['larger than any', () => truncateSync(put('new.pem', ''), 2 << 20), /more in it than credentials have/],
    ['a pipe that nobody writes to', pipe, /this is no file/],
  ];
  // Windows has no such pipes.
  const given = odd.filter(([, make]) => make !== pipe || process.platform !== 'win32');

  test.each(given)('a file is %s', async (_what, make, message) => {
    write('key.pem', pairs[0].key);
    write('cert.pem', pairs[0].cert);
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem' });
    await watched.watch.ready();
    for (const name of ['key.pem', 'cert.pem']) {
      make();
      const refused = once(watched.watch, 'refused');
      rmSync(join(folder, name));
      renameSync(join(folder, 'new.pem'), join(folder, name));
      expect((await refused)[0].message).toMatch(message);
      expect(await shown(watched)).toBe(0);
      rmSync(join(folder, name), { recursive: true });
      const changed = once(watched.watch, 'changed');
      write(name, name === 'key.pem' ? pairs[0].key : pairs[0].cert);
      await changed;
    }
  });

  test('something else was in the way: it is told once, and tried again', async () => {
    write('key.pem', pairs[0].key);
    write('cert.pem', pairs[0].cert);
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem' });
    await watched.watch.ready();
    const told: string[] = [];
    watched.watch.on('refused', ({ message }) => told.push(message));
    const { server } = watched;
    let tries = 0;
    server.setSecureContext = (options) => {
      tries++;
      if (tries < 4) throw new Error('too many open files');
      Reflect.deleteProperty(server, 'setSecureContext');
      server.setSecureContext(options);
    };
    const changed = once(watched.watch, 'changed');
    write('cert.pem', pairs[1].cert);
    write('key.pem', pairs[1].key);
    await changed;
    expect(await shown(watched)).toBe(1);
    expect(told.filter((message) => message.includes('too many open files'))).toHaveLength(1);
  });

  test('a listener throws, which is no matter to who waits', async () => {
    const own = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const watched = await watching({ key: 'key.pem', cert: 'cert.pem' });
      const uncaught = once(process, 'uncaughtException');
      watched.watch.once('refused', () => {
        throw new Error('a listener’s own');
      });
      expect(await watched.watch.ready()).toBe(false);
      expect((await uncaught)[0].message).toBe('a listener’s own');
      watched.watch.on('refused', () => {});
      const changed = once(watched.watch, 'changed');
      write('key.pem', pairs[1].key);
      write('cert.pem', pairs[1].cert);
      await changed;
    } finally {
      for (const listener of own) process.on('uncaughtException', listener);
    }
  });

  test('nothing is there yet', async () => {
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem' });
    watched.watch.on('refused', () => {});
    expect(await watched.watch.ready()).toBe(false);
    const changed = once(watched.watch, 'changed');
    write('key.pem', pairs[1].key);
    write('cert.pem', pairs[1].cert);
    await changed;
    expect(await shown(watched)).toBe(1);
  });
});

describe.each(versions)('%s', (maxVersion) => {
  async function visit({ server, port }: Watched, client: Partial<Pair>, session?: Buffer) {
    const dialled = dial(node, port, identities, { ...client, maxVersion, session });
    let told: Buffer | undefined;
    dialled.on('session', (given) => (told = given));
    const { accepted } = await bothSecure(server, dialled);
    const [resumed, authorized] = [accepted.isSessionReused(), accepted.authorized];
    accepted.end('x');
    await once(dialled.resume(), 'end');
    dialled.destroy();
    return { resumed, authorized, session: told ?? session };
  }

  test.each(['keys of its own', 'a keyring'])(
    'sessions go on with a new certificate: a server with %s',
    async (has) => {
      write('key.pem', pairs[0].key);
      write('cert.pem', pairs[0].cert);
      const ticketKeyring = has === 'a keyring' ? createTicketKeyring() : undefined;
      const watched = await watching({ key: 'key.pem', cert: 'cert.pem' }, { ticketKeyring, maxVersion });
      await watched.watch.ready();
      const { session } = await visit(watched, {});
      const changed = once(watched.watch, 'changed');
      write('key.pem', pairs[1].key);
      write('cert.pem', pairs[1].cert);
      await changed;
      expect(await visit(watched, {}, session)).toMatchObject({ resumed: true });
      // What the server was told before goes for new contexts, too.
      const other = dial(node, watched.port, identities, { minVersion: 'TLSv1.2' });
      expect((await bothSecure(watched.server, other)).client.getProtocol()).toBe(maxVersion);
      ticketKeyring?.close();
    },
  );

  test('sessions of clients whose authority was removed are not resumed', async () => {
    write('key.pem', pairs[0].key);
    write('cert.pem', pairs[0].cert);
    write('ca.pem', identities.authority.cert + otherAuthority.cert);
    const options = { requestCert: true, rejectUnauthorized: false, ticketKeyring: createTicketKeyring() };
    const watched = await watching({ key: 'key.pem', cert: 'cert.pem', ca: 'ca.pem' }, options);
    await watched.watch.ready();
    const client = await issue(otherAuthority, { usage: 'client' });
    const first = await visit(watched, client);
    const again = await visit(watched, client, first.session);
    expect([first.authorized, again.authorized, again.resumed]).toEqual([true, true, true]);
    const changed = once(watched.watch, 'changed');
    write('ca.pem', identities.authority.cert);
    await changed;
    expect(await visit(watched, client, again.session)).toMatchObject({ resumed: false, authorized: false });
    options.ticketKeyring.close();
  });
});

test('key and certificate are in one file, as HAProxy has them', async () => {
  write('both.pem', pairs[0].cert + pairs[0].key);
  const watched = await watching({ key: 'both.pem', cert: 'both.pem' });
  expect(await watched.watch.ready()).toBe(true);
  expect(await shown(watched)).toBe(0);
  const refused = once(watched.watch, 'refused');
  write('both.pem', pairs[1].key + pairs[1].cert.slice(0, 300));
  expect((await refused)[0].message).toMatch(/is not whole/);
});

test('servers for HTTP, URLs, and a key with a passphrase', async () => {
  const passphrase = 'a passphrase';
  write('cert.pem', pairs[0].cert);
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  write('key.pem', createPrivateKey(pairs[0].key).export(encrypted).toString());
  const server = https.createServer({ ...identities.server });
  const files = { key: pathToFileURL(join(folder, 'key.pem')), cert: pathToFileURL(join(folder, 'cert.pem')) };
  const watch = watchCredentials(server, files, { passphrase });
  watches.push(watch);
  expect(await watch.ready()).toBe(true);
  const overHttp2 = watchCredentials(http2.createSecureServer({ ...identities.server }), files, { passphrase });
  watches.push(overHttp2);
  expect(await overHttp2.ready()).toBe(true);
  const without = watchCredentials(server, files).on('refused', () => {});
  watches.push(without);
  expect(await without.ready()).toBe(false);
});

test('what cannot be is refused', () => {
  const server = createServer(identities.server);
  const files = { key: 'key.pem', cert: 'cert.pem' };
  const calls: [unknown[], string][] = [
    [[{}, files], 'ERR_INVALID_ARG_TYPE'],
    [[tls.createServer(), files], 'ERR_INVALID_ARG_TYPE'],
    [[server, undefined], 'ERR_INVALID_ARG_TYPE'],
    [[server, { key: 5, cert: 'x' }], 'ERR_INVALID_ARG_TYPE'],
    [[server, { ...files, ca: [5] }], 'ERR_INVALID_ARG_TYPE'],
    [[server, { ...files, ca: 5 }], 'ERR_INVALID_ARG_TYPE'],
    [[server, { ...files, ca: null }], 'ERR_INVALID_ARG_TYPE'],
    // Not what is in them, and least of all a key, which an error would tell.
    [[server, { ...files, key: identities.server.key }], 'ERR_INVALID_ARG_VALUE'],
    [[server, files, null], 'ERR_INVALID_ARG_TYPE'],
    [[server, files, { passphrase: 5 }], 'ERR_INVALID_ARG_TYPE'],
    [[server, files, { checkEvery: 1 }], 'ERR_OUT_OF_RANGE'],
    [[server, files, { settleFor: '1' }], 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [args, code] of calls) {
    expect(() => Reflect.apply(watchCredentials, undefined, args)).toThrow(expect.objectContaining({ code }));
  }
});

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
}

function x25519(): string {
  return generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
