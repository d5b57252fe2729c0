import { once } from 'node:events';
import type tls from 'node:tls';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import * as http2 from '../../src/http2.ts';
import * as https from '../../src/https.ts';
import { createServer, type Server, type TlsOptions } from '../../src/index.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { exchangeCredentials } from '../../src/socket/server.ts';
import { createTicketKeyring, memoryStore, type TicketKeyring } from '../../src/tickets.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { listenUntilEnd, owned } from '../socket/scenario.ts';
import { bothSecure, dial, node, pairs, versions } from '../socket/surface.ts';

let identities: Identities;
const rotateEvery = 10_000;

beforeAll(async () => {
  identities = await makeIdentities();
});

// Keys change by the clock: it stands still unless a test lets it go on. Sockets have clocks of their own.
beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['Date', 'setTimeout', 'clearTimeout'],
    now: Math.ceil(Date.now() / rotateEvery) * rotateEvery,
  });
  return () => vi.useRealTimers();
});

async function keyringOf(store = memoryStore()): Promise<TicketKeyring> {
  const keyring = createTicketKeyring({ store, rotateEvery });
  await keyring.ready();
  return keyring;
}

interface At {
  readonly server: tls.Server;
  readonly port: number;
}

async function serving(options: TlsOptions, prepare: (server: Server) => void = () => {}): Promise<At> {
  const server = createServer({ ...identities.server, ...options });
  prepare(server);
  server.on('secureConnection', (socket) => owned(socket).on('error', () => {}));
  return { server, port: await listenUntilEnd(server) };
}

describe.each([...new Set(pairs.map(({ client }) => client))])('to a client of $name', (by) => {
  /**
   * What a client comes away with: whether it was resumed, and the session for next time. In TLS 1.2 there is no event for a ticket that took the
   * place of another, with node:tls neither.
   */
  async function visit({ server, port }: At, options: tls.ConnectionOptions = {}) {
    const dialled = dial(by, port, identities, options);
    const told: Buffer[] = [];
    dialled.on('session', (session) => told.push(session));
    const { client, accepted } = await bothSecure(server, dialled);
    const resumed = accepted.isSessionReused();
    expect(client.isSessionReused()).toBe(resumed);
    accepted.end('x');
    await once(client.resume(), 'end');
    const [session, ticket] = [client.getSession(), client.getTLSTicket()];
    client.destroy();
    return { resumed, ticket, session: told.at(-1) ?? session };
  }

  describe.each(versions)('%s', (maxVersion) => {
    test('servers with one keyring, and with keyrings of one store, resume each other’s sessions', async () => {
      const store = memoryStore();
      const [one, two] = [await keyringOf(store), await keyringOf(store)];
      const first = await serving({ ticketKeyring: one });
      const others = [
        await serving({ ticketKeyring: one }),
        await serving({ ticketKeyring: two }),
        await serving({ ticketKeyring: await keyringOf() }),
        await serving({}),
      ];
      const { session } = await visit(first, { maxVersion });
      const resumed = [];
      for (const at of others) resumed.push((await visit(at, { maxVersion, session })).resumed);
      expect(resumed).toEqual([true, true, false, false]);
    });

    test('a ticket of the key before is resumed and renewed; one key later it is not resumed', async () => {
      const at = await serving({ ticketKeyring: await keyringOf() });
      const { session, ticket } = await visit(at, { maxVersion });
      const again = await visit(at, { maxVersion, session });
      expect(again.resumed).toBe(true);
      expect(again.ticket).toEqual(ticket);
      await vi.advanceTimersByTimeAsync(rotateEvery);
      const next = await visit(at, { maxVersion, session });
      expect(next.resumed).toBe(true);
      expect(next.ticket).not.toEqual(ticket);
      await vi.advanceTimersByTimeAsync(rotateEvery);
      expect((await visit(at, { maxVersion, session })).resumed).toBe(false);
      expect((await visit(at, { maxVersion, session: next.session })).resumed).toBe(true);
    });

    test('a ticket of a machine whose clock is ahead is resumed', async () => {
      const store = memoryStore();
      const here = await serving({ ticketKeyring: await keyringOf(store) });
      vi.setSystemTime(Date.now() + rotateEvery);
      const ahead = await serving({ ticketKeyring: await keyringOf(store) });
      const { session } = await visit(ahead, { maxVersion });
      vi.setSystemTime(Date.now() - rotateEvery);
      expect((await visit(here, { maxVersion, session })).resumed).toBe(true);
    });

    test('contexts for names have the same keys', async () => {
      const ticketKeyring = await keyringOf();
      const servers = [];
      for (let n = 0; n < 2; n++)
        servers.push(
          await serving({ ticketKeyring }, (server) => server.addContext('localhost', { ...identities.rsa })),
        );
      const [one, two] = servers;
      if (!one || !two) return;
      const { session } = await visit(one, { maxVersion });
      expect((await visit(two, { maxVersion, session })).resumed).toBe(true);
    });

    test('a session that was made without a client’s certificate does not count where one is demanded', async () => {
      const ticketKeyring = await keyringOf();
      const open = await serving({ ticketKeyring });
      const ca = identities.authority.cert;
      const strict = await serving({ ticketKeyring, requestCert: true, ca });
      const options = { maxVersion, ...identities.client };
      const { session } = await visit(open, options);
      const asked = await visit(strict, { ...options, session });
      expect(asked.resumed).toBe(false);
      expect((await visit(strict, { ...options, session: asked.session })).resumed).toBe(true);
      expect((await visit(open, { ...options, session: asked.session })).resumed).toBe(false);
    });

    test('setSecureContext changes the certificate and not the keys', async () => {
      const at = await serving({ ticketKeyring: await keyringOf() });
      const { session } = await visit(at, { maxVersion });
      at.server.setSecureContext({ ...identities.rsa });
      expect((await visit(at, { maxVersion, session })).resumed).toBe(true);
      await vi.advanceTimersByTimeAsync(rotateEvery);
      expect((await visit(at, { maxVersion, session })).resumed).toBe(true);
    });
  });
});

test('keys outlive OpenSSL’s instance, the one before too', async () => {
  const at = await serving({ ticketKeyring: await keyringOf() });
  const dialled = dial(node, at.port, identities).resume();
  const [session] = await once(dialled, 'session');
  await vi.advanceTimersByTimeAsync(rotateEvery);
  const module = engineModule();
  const nowhere = Object(module.heap.size).valueOf();
  expect(() => module.exports.ktls_engine_receive(nowhere, 1)).toThrow(/has failed/);
  const { accepted } = await bothSecure(at.server, dial(node, at.port, identities, { session }));
  expect(accepted.isSessionReused()).toBe(true);
});

test('servers for HTTP have the option, too', async () => {
  const ticketKeyring = await keyringOf();
  const options = { ...identities.server, ticketKeyring };
  const { server: reference } = await serving({ ticketKeyring });
  const servers = [https.createServer(options), http2.createSecureServer(options)];
  const keys = servers.map((server) => Reflect.apply(Reflect.get(server, 'getTicketKeys'), server, []));
  expect(keys).toEqual([reference.getTicketKeys(), reference.getTicketKeys()]);
  expect(keys[0]).toHaveLength(48);
});

test('servers with one keyring share sessions, whatever words their programs were started with, unless they say otherwise', async () => {
  const [one, two] = [await keyringOf(), createTicketKeyring({ prefix: 'other' })];
  const nameOf = (options: TlsOptions): unknown => Reflect.get(createServer(options), 'sessionIdContext');
  const before = process.argv;
  const own = nameOf({ ticketKeyring: one });
  try {
    process.argv = [...before, 'more'];
    expect(nameOf({ ticketKeyring: one })).toBe(own);
    expect(nameOf({ ticketKeyring: await keyringOf() })).toBe(own);
    expect(nameOf({ ticketKeyring: two })).not.toBe(own);
    expect(nameOf({ ticketKeyring: one, sessionIdContext: 'mine' })).toBe('mine');
  } finally {
    process.argv = before;
  }
});

test('keys of a keyring are not set by hand, nor given away by node:cluster', async () => {
  const { server } = await serving({ ticketKeyring: await keyringOf() });
  const before = server.getTicketKeys();
  expect(() => server.setTicketKeys(Buffer.alloc(48))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  const data = Reflect.apply(Reflect.get(server, '_getServerData'), server, []);
  expect(JSON.stringify(data)).not.toContain(before.toString('hex'));
  Reflect.apply(Reflect.get(server, '_setServerData'), server, [data]);
  expect(server.getTicketKeys()).toEqual(before);
});

test('what is no keyring, or keys beside one, is refused', async () => {
  const ticketKeyring = await keyringOf();
  for (const wrong of [{}, 5, 'x', Buffer.alloc(48)]) {
    const options = { ...identities.server, ticketKeyring: wrong };
    expect(() => Reflect.apply(createServer, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  }
  expect(() => createServer({ ticketKeyring, ticketKeys: Buffer.alloc(48) })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
  );
});

test('a server keeps the keyring that it has, and once that is closed has keys of its own', async () => {
  const ticketKeyring = await keyringOf();
  const server = createServer({ ...identities.server, ticketKeyring });
  const ticketKeys = Buffer.alloc(48, 1);
  for (const options of [{ ticketKeys }, { ticketKeyring: await keyringOf() }]) {
    const call = (): void => server.setSecureContext({ ...identities.server, ...options });
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  }
  expect(() => server.setTicketKeys(ticketKeys)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  Reflect.apply(server.setSecureContext, server, [{ ...identities.server, ticketKeyring }]);
  ticketKeyring.close();
  server.setTicketKeys(ticketKeys);
  expect(server.getTicketKeys()).toEqual(ticketKeys);
  // Sessions outlive new credentials with these, too.
  exchangeCredentials(server, identities.server);
  expect(server.getTicketKeys()).toEqual(ticketKeys);
});
