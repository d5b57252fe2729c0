import { constants, randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { bothSecure, dial, exchangeOf, type Library, listening, open, pairs, same, versions } from './surface.ts';

let identities: Identities;

const noTicket = constants.SSL_OP_NO_TICKET;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** A session that the server at `port` gave. */
async function sessionFrom(by: Library, port: number, options: tls.ConnectionOptions = {}): Promise<Buffer> {
  const client = dial(by, port, identities, options);
  const [session] = await once(client.resume(), 'session');
  client.destroy();
  if (!Buffer.isBuffer(session)) throw new Error('no session');
  return session;
}

/** Whether `session` is resumed, by what both ends say. */
async function resumes(
  by: Library,
  { server, port }: { server: tls.Server; port: number },
  session: Buffer,
  options: tls.ConnectionOptions = {},
): Promise<boolean> {
  const { client, accepted } = await bothSecure(server, dial(by, port, identities, { ...options, session }));
  expect(client.isSessionReused()).toBe(accepted.isSessionReused());
  client.destroy();
  return client.destroyed && accepted.isSessionReused();
}

describe.each(pairs)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    it('a session of the event is resumed, and is as good as a whole handshake', async () => {
      await same(pair, async ({ client, server }) => {
        const at = await listening(server, identities.server);
        const session = await sessionFrom(client, at.port, { maxVersion });
        const ends = await bothSecure(at.server, dial(client, at.port, identities, { maxVersion, session }));
        return {
          reused: [ends.client.isSessionReused(), ends.accepted.isSessionReused()],
          authorized: [ends.client.authorized, ends.client.authorizationError],
          ticket: [Buffer.isBuffer(ends.client.getTLSTicket()), ends.accepted.getTLSTicket()],
          key: exchangeOf(ends.client),
          protocol: ends.client.getProtocol(),
          cipher: ends.client.getCipher(),
        };
      });
    });

    it('the server’s certificate is known of a resumed session too, which node:tls forgets', async () => {
      if (pair.client.name === 'node:tls') return;
      const at = await listening(pair.server, identities.server);
      const session = await sessionFrom(pair.client, at.port, { maxVersion });
      const { client } = await bothSecure(at.server, dial(pair.client, at.port, identities, { maxVersion, session }));
      expect(client.isSessionReused()).toBe(true);
      expect(client.getPeerCertificate().subject).toMatchObject({ CN: 'localhost' });
    });

    it('getSession is resumed by setSession, also as a string', async () => {
      await same(pair, async ({ client: by, server }) => {
        const at = await listening(server, identities.server);
        const first = dial(by, at.port, identities, { maxVersion });
        await once(first.resume(), 'session');
        const session = first.getSession();
        first.destroy();
        const reused: boolean[] = [];
        for (const given of [session, session?.toString('latin1')]) {
          const again = dial(by, at.port, identities, { maxVersion });
          setSession(again, given);
          const ends = await bothSecure(at.server, again);
          reused.push(ends.client.isSessionReused());
        }
        return reused;
      });
    });

    it('a session that is none is passed over', async () => {
      await same(pair, async ({ client, server }) => {
        const at = await listening(server, identities.server);
        return await resumes(client, at, Buffer.from('no session at all'), { maxVersion });
      });
    });

    it('the event comes as often as from node:tls, once secure', async () => {
      await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, { client: { maxVersion } });
        const told: string[] = [];
        client.on('session', (session) => told.push(`session ${Buffer.isBuffer(session)}`));
        accepted.end('x');
        client.resume();
        await once(client, 'close');
        return told;
      });
    });

    it('ticketKeys: shared between servers, and rotated', async () => {
      await same(pair, async ({ client, server }) => {
        const ticketKeys = randomBytes(48);
        const [one, two, other] = [
          await listening(server, { ...identities.server, ticketKeys, sessionIdContext: 'same' }),
          await listening(server, { ...identities.server, sessionIdContext: 'same' }),
          await listening(server, { ...identities.server, sessionIdContext: 'same' }),
        ];
        expect(one.server.getTicketKeys()).toEqual(ticketKeys);
        expect(two.server.getTicketKeys()).toHaveLength(48);
        expect(two.server.getTicketKeys()).not.toEqual(other.server.getTicketKeys());
        const session = await sessionFrom(client, one.port, { maxVersion });
        const before = await resumes(client, two, session, { maxVersion });
        two.server.setTicketKeys(one.server.getTicketKeys());
        const shared = await resumes(client, two, session, { maxVersion });
        two.server.setTicketKeys(randomBytes(48));
        const rotated = await resumes(client, two, session, { maxVersion });
        return { before, shared, rotated };
      });
    });

    it('sessionIdContext: another server’s sessions are not this one’s', async () => {
      await same(pair, async ({ client, server }) => {
        const ticketKeys = randomBytes(48);
        const [one, two, other] = [
          await listening(server, { ...identities.server, ticketKeys, sessionIdContext: 'one' }),
          await listening(server, { ...identities.server, ticketKeys, sessionIdContext: 'one' }),
          await listening(server, { ...identities.server, ticketKeys, sessionIdContext: 'other' }),
        ];
        const session = await sessionFrom(client, one.port, { maxVersion });
        const reused = [];
        for (const at of [one, two, other]) reused.push(await resumes(client, at, session, { maxVersion }));
        return reused;
      });
    });

    it('a session of one name is not offered to another', async () => {
      const at = await listening(pair.server, identities.server);
      const session = await sessionFrom(pair.client, at.port, { maxVersion, servername: 'localhost' });
      const other = { maxVersion, servername: 'other.example', checkServerIdentity: () => undefined };
      expect(await resumes(pair.client, at, session, { maxVersion })).toBe(true);
      if (pair.client.name !== 'node:tls') expect(await resumes(pair.client, at, session, other)).toBe(false);
    });

    it('sessionTimeout: how long a session says that it lives', async () => {
      const [short, long] = await Promise.all(
        [7, 7000].map(async (sessionTimeout) => {
          const { port } = await listening(pair.server, { ...identities.server, sessionTimeout });
          return await sessionFrom(pair.client, port, { maxVersion });
        }),
      );
      expect(lifetimes(short ?? Buffer.alloc(0))).toContain(7);
      expect(lifetimes(long ?? Buffer.alloc(0))).toContain(7000);
    });
  });

  describe('TLS 1.2 without tickets', () => {
    const client: tls.ConnectionOptions = { maxVersion: 'TLSv1.2', secureOptions: noTicket };

    it('newSession and resumeSession, each answered later', async () => {
      await same(pair, async ({ client: by, server }) => {
        const at = await listening(server, { ...identities.server, secureOptions: noTicket });
        const kept = new Map<string, Buffer>();
        const told: string[] = [];
        at.server.on('newSession', (id, data, done) => {
          told.push(`new ${id.length} ${Buffer.isBuffer(data)}`);
          kept.set(id.toString('hex'), data);
          setImmediate(done);
        });
        at.server.on('resumeSession', (id, done) => {
          told.push(`resume ${kept.has(id.toString('hex'))}`);
          setImmediate(done, null, kept.get(id.toString('hex')) ?? null);
        });
        at.server.on('secureConnection', (socket) => told.push(`secure ${socket.isSessionReused()}`));
        const session = await sessionFrom(by, at.port, client);
        const reused = [await resumes(by, at, session, client)];
        kept.clear();
        reused.push(await resumes(by, at, session, client));
        return { told, reused };
      });
    });

    it('resumeSession: null, what is no session, and an error', async () => {
      await same(pair, async ({ client: by, server }) => {
        const at = await listening(server, { ...identities.server, secureOptions: noTicket });
        const answers: readonly (readonly unknown[])[] = [[null, null], [null], [null, Buffer.from('no session')]];
        let asked = 0;
        at.server.on('newSession', (_id, _data, done) => done());
        at.server.on('resumeSession', (_id, done) => void Reflect.apply(done, undefined, answers[asked++] ?? []));
        const session = await sessionFrom(by, at.port, client);
        const reused = [];
        for (const _ of answers) reused.push(await resumes(by, at, session, client));
        at.server
          .removeAllListeners('resumeSession')
          .on('resumeSession', (_id, done) => done(new Error('no store'), null));
        const failed = once(at.server, 'tlsClientError');
        dial(by, at.port, identities, { ...client, session }).on('error', () => {});
        const [error] = await failed;
        return { reused, asked, message: error.message };
      });
    });

    it('without resumeSession, sessions are not kept', async () => {
      await same(pair, async ({ client: by, server }) => {
        const at = await listening(server, { ...identities.server, secureOptions: noTicket });
        return await resumes(by, at, await sessionFrom(by, at.port, client), client);
      });
    });

    it('with a ticket, resumeSession is not asked', async () => {
      await same(pair, async ({ client: by, server }) => {
        const at = await listening(server, identities.server);
        let asked = 0;
        at.server.on('resumeSession', (_id, done) => {
          asked++;
          done(null, null);
        });
        const session = await sessionFrom(by, at.port, { maxVersion: 'TLSv1.2' });
        return [await resumes(by, at, session, { maxVersion: 'TLSv1.2' }), asked];
      });
    });
  });

  it('TLS 1.3: each of the server’s tickets is told, and differs', async () => {
    const { server, port } = await listening(pair.server, identities.server);
    const client = dial(pair.client, port, identities);
    const sessions: string[] = [];
    const events = on(client.resume(), 'session');
    await bothSecure(server, client);
    for await (const [session] of events) if (sessions.push(session.toString('hex')) === 2) break;
    expect(new Set(sessions).size).toBe(2);
  });
});

/** Not in node:tls's declarations. */
function setSession(socket: tls.TLSSocket, session: unknown): void {
  const method: unknown = Reflect.get(socket, 'setSession');
  if (typeof method === 'function') Reflect.apply(method, socket, [session]);
}

/** The integers in a session's ASN.1: its timeout is in field 2, the ticket's lifetime hint in field 9 (ssl_asn1.c of OpenSSL). */
function lifetimes(session: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < session.length - 4; at++) {
    const [tag = 0, length = 0, type, size = 0] = session.subarray(at, at + 4);
    if (
      (tag === 0xa2 || tag === 0xa9) &&
      type === 2 &&
      length === size + 2 &&
      size <= 4 &&
      at + 4 + size <= session.length
    )
      found.push(session.readUIntBE(at + 4, size));
  }
  return found;
}
