import { constants, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { TLSSocket } from '../../src/index.ts';
import { rawSession } from '../../src/socket/told-sessions.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { bothSecure, codeOf, dial, listening, node, type Pair, pairs, same, versions } from './surface.ts';

let identities: Identities;
/** Whom the virtual host `strict.at` trusts, and nobody else does. */
let strictAuthority: Authority;
let strictClient: Identity;

const noTicket = constants.SSL_OP_NO_TICKET;
const anyName = { checkServerIdentity: (): undefined => undefined };

beforeAll(async () => {
  identities = await makeIdentities();
  strictAuthority = await makeAuthority();
  strictClient = await issue(strictAuthority, { usage: 'client' });
});

interface Listening {
  readonly server: tls.Server;
  readonly port: number;
}

/** A session that the server gave, and whether another was resumed for it. */
async function visit(pair: Pair, { server, port }: Listening, options: tls.ConnectionOptions): Promise<Visit> {
  const client = dial(pair.client, port, identities, { ...anyName, ...options });
  const session = once(client.resume(), 'session');
  const { accepted } = await bothSecure(server, client);
  const [told] = await session;
  const seen = { session: told, reused: accepted.isSessionReused(), servername: accepted.servername };
  client.destroy();
  return seen;
}

/**
 * A client that offers its session under whatever name it likes, and what the server made of it. Both libraries' connect() would not:
 * they keep whom a session is of.
 */
async function intrude(server: tls.Server, port: number, { session, ...options }: Intruder): Promise<Intrusion> {
  const socket = new TLSSocket(net.connect(port, '127.0.0.1'), {
    ...options,
    ...(session && { session }),
    ktls: 'off',
  });
  owned(socket).on('error', () => {});
  // A copy: the socket wipes its own when another comes, or it is destroyed.
  const told = new Promise<Buffer>((resolve) => socket.once(rawSession, (session) => resolve(Buffer.from(session))));
  const seen = await new Promise<string>((resolve) => {
    const letIn = (accepted: tls.TLSSocket): void => {
      server.off('tlsClientError', refused);
      expect(accepted.authorized).toBe(true);
      resolve(accepted.isSessionReused() ? 'resumed' : 'let in');
    };
    const refused = (): void => {
      server.off('secureConnection', letIn);
      resolve('refused');
    };
    server.once('secureConnection', letIn).once('tlsClientError', refused);
    socket.resume()._start();
  });
  const given = seen === 'let in' ? await told : Buffer.alloc(0);
  socket.destroy();
  return { seen, session: given };
}

interface Intruder extends Identity {
  readonly maxVersion: tls.SecureVersion;
  readonly servername: string;
  readonly session?: Buffer;
}

interface Intrusion {
  readonly seen: string;
  readonly session: Buffer;
}

interface Visit {
  readonly session: Buffer;
  readonly reused: boolean;
  readonly servername: unknown;
}

/** Whether the second of two visits is a resumption of the first. */
async function resumes(pair: Pair, at: Listening, options: tls.ConnectionOptions, then = at): Promise<boolean> {
  const { session } = await visit(pair, at, options);
  const client = dial(pair.client, then.port, identities, { ...anyName, ...options, session });
  const { accepted } = await bothSecure(then.server, client);
  client.destroy();
  return accepted.isSessionReused();
}

// node:tls opens the tickets of such contexts with other keys than it sealed them with.
const ourServers = pairs.filter(({ server }) => server !== node);

describe.each(ourServers)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    it('contexts of addContext and SNICallback resume their sessions, under their name', async () => {
      const added = await listening(pair.server, identities.server);
      added.server.addContext('*.example', identities.rsa);
      const answered = await listening(pair.server, {
        ...identities.server,
        SNICallback: (_, done) => setImmediate(done, null, pair.server.createSecureContext(identities.rsa)),
      });
      for (const at of [added, answered]) {
        const options = { ...anyName, servername: 'a.example', maxVersion };
        const first = await visit(pair, at, options);
        const { client, accepted } = await bothSecure(
          at.server,
          dial(pair.client, at.port, identities, { ...options, session: first.session }),
        );
        expect([first.reused, accepted.isSessionReused(), client.isSessionReused()]).toEqual([false, true, true]);
        expect([first.servername, accepted.servername]).toEqual(['a.example', 'a.example']);
      }
    });

    it('ticketKeys count for all contexts of the servers that share them, and later ones for those to come', async () => {
      const ticketKeys = randomBytes(48);
      const options = { ...identities.server, ticketKeys, sessionIdContext: 'same' };
      const [one, two] = [await listening(pair.server, options), await listening(pair.server, options)];
      for (const { server } of [one, two]) server.addContext('a.example', identities.rsa);
      const client = { servername: 'a.example', maxVersion };
      const shared = await resumes(pair, one, client, two);
      two.server.setTicketKeys(randomBytes(48));
      const apart = await resumes(pair, one, client, two);
      one.server.setTicketKeys(two.server.getTicketKeys());
      expect([shared, apart, await resumes(pair, one, client, two)]).toEqual([true, false, true]);
    });

    it('a client that was authenticated at one context is so at another only if that trusts the same', async () => {
      const trusting = { ...identities.server, ca: identities.authority.cert };
      const { server, port } = await listening(pair.server, { ...trusting, requestCert: true });
      server.addContext('same.example', trusting);
      server.addContext('more.example', { ...trusting, ca: [identities.authority.cert, strictAuthority.cert] });
      const { session } = await intrude(server, port, { ...identities.client, maxVersion, servername: 'localhost' });
      const told: unknown[] = [];
      for (const servername of ['localhost', 'same.example', 'more.example']) {
        told.push((await intrude(server, port, { ...identities.client, maxVersion, servername, session })).seen);
      }
      // In TLS 1.2 a session is its name's (RFC 6066 §3).
      const shared = maxVersion === 'TLSv1.3' ? 'resumed' : 'let in';
      expect(told).toEqual(['resumed', shared, 'let in']);
    });
  });

  // node:tls resumes it: it looks for the session before it knows the context.
  it.each(versions)('%s: a session of one virtual host opens none that trusts others', async (maxVersion) => {
    const options = { ...identities.server, requestCert: true, ca: identities.authority.cert };
    const { server, port } = await listening(pair.server, options);
    server.addContext('strict.example', { ...identities.server, ca: strictAuthority.cert });
    const first = await intrude(server, port, { ...identities.client, maxVersion, servername: 'localhost' });
    const again = { maxVersion, servername: 'strict.example', session: first.session };
    const told = [
      first.seen,
      (await intrude(server, port, { ...identities.client, ...again })).seen,
      (await intrude(server, port, { ...strictClient, ...again })).seen,
    ];
    expect(told).toEqual(['let in', 'refused', 'let in']);
  });

  it('TLS 1.2 without tickets: newSession and resumeSession serve all contexts', async () => {
    const at = await listening(pair.server, { ...identities.server, secureOptions: noTicket });
    at.server.addContext('a.example', identities.rsa);
    const kept = new Map<string, Buffer>();
    at.server.on('newSession', (id, data, done) => {
      kept.set(id.toString('hex'), data);
      done();
    });
    at.server.on('resumeSession', (id, done) => done(null, kept.get(id.toString('hex')) ?? null));
    const client = { maxVersion: 'TLSv1.2', secureOptions: noTicket } as const;
    expect(await resumes(pair, at, { ...client, servername: 'a.example' })).toBe(true);
    expect(await resumes(pair, at, client)).toBe(true);
  });

  it('what is demanded of clients separates servers that share all else', async () => {
    const shared = { ...identities.server, ticketKeys: randomBytes(48), sessionIdContext: 'same' };
    const open = await listening(pair.server, shared);
    const closed = await listening(pair.server, { ...shared, requestCert: true, ca: identities.authority.cert });
    const another = await listening(pair.server, { ...shared, requestCert: true, ca: strictAuthority.cert });
    const wanting = { ...shared, requestCert: true, rejectUnauthorized: false, ca: identities.authority.cert };
    const wants = await listening(pair.server, wanting);
    const client = identities.client;
    expect(await resumes(pair, closed, client)).toBe(true);
    expect(await resumes(pair, open, client, closed)).toBe(false);
    expect(await resumes(pair, wants, client, closed)).toBe(false);
    expect(await resumes(pair, closed, client, wants)).toBe(false);
    const { session } = await visit(pair, closed, client);
    const refused = once(another.server, 'tlsClientError').then(([error]) => codeOf(error));
    const accepted = once(another.server, 'secureConnection').then(() => 'let in');
    dial(pair.client, another.port, identities, { ...client, session }).on('error', () => {});
    expect(await Promise.race([refused, accepted])).not.toBe('let in');
  });
});

describe.each(pairs)('$name', (pair) => {
  it('resumeSession, SNICallback and OCSPRequest come in this order, each once', async () => {
    await same(pair, async (by) => {
      const told: string[] = [];
      const at = await listening(by.server, {
        ...identities.server,
        secureOptions: noTicket,
        SNICallback: (name, done) => {
          told.push(`SNICallback ${name}`);
          setImmediate(done, null, by.server.createSecureContext(identities.rsa));
        },
      });
      at.server.on('newSession', (_id, _data, done) => done());
      at.server.on('resumeSession', (_, done) => {
        told.push('resumeSession');
        setImmediate(done, null, null);
      });
      at.server.on('OCSPRequest', (_certificate, _issuer, done) => {
        told.push('OCSPRequest');
        setImmediate(done, null, null);
      });
      const client = { maxVersion: 'TLSv1.2', secureOptions: noTicket, requestOCSP: true } as const;
      const { session } = await visit(by, at, client);
      await visit(by, at, { ...client, session });
      return told;
    });
  });
});
