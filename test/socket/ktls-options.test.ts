import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connect, createServer, TLSSocket } from '../../src/index.ts';
import { captureTo } from '../../src/keys.ts';
import { ktlsOptionNames, pickKtlsOptions } from '../../src/socket/ktls-options.ts';
import { makeIdentities } from './identities.ts';
import { listenUntilEnd, owned, readAll } from './scenario.ts';

describe('the list of our options', () => {
  it('is the one of the README and of migration.md', () => {
    const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
    const table = read('README.md').split('| option | values | |')[1]?.split('\n\n')[0] ?? '';
    expect([...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)).toEqual(ktlsOptionNames);
    expect(read('docs/migration.md')).toContain(ktlsOptionNames.map((name) => `\`${name}\``).join(', '));
  });

  it('is what a server passes on', () => {
    const options = Object.fromEntries([...ktlsOptionNames, 'key', 'cert'].map((name) => [name, name]));
    expect(Object.keys(pickKtlsOptions(options))).toEqual(ktlsOptionNames);
  });

  it('is read once for a server: what changes later counts for no connection', async () => {
    const { server: identity, authority } = await makeIdentities();
    const ktls = { write: 'off', read: 'off' } as const;
    const server = createServer({ ...identity, ktls }, (socket) =>
      owned(socket).end(JSON.stringify(socket.recordLayer)),
    );
    const port = await listenUntilEnd(server);
    Reflect.set(ktls, 'write', 'no mode');
    const client = owned(connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' }));
    expect(JSON.parse(String(await readAll(client)))).toMatchObject({
      reason: { read: expect.stringMatching(/'off'$/) },
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'says at secureConnect what will carry the data, and why, in %s',
    async (version) => {
      const { server: identity, authority } = await makeIdentities();
      const port = await listenUntilEnd(createServer({ ...identity, ktls: 'off' }, (socket) => owned(socket).end()));
      const where = { port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost', maxVersion: version };
      const client = owned(connect({ ...where, ktls: 'off' }));
      await once(client, 'secureConnect');
      const why = expect.stringMatching(/'off'$/);
      expect(client.recordLayer).toEqual({ read: 'native', write: 'native', reason: { read: why, write: why } });
    },
  );

  it.each([
    [{ portableLayer: 'rust' }, 'ERR_INVALID_ARG_VALUE'],
    [{ requireCloseNotify: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ktls: { writ: 'prefer' } }, 'ERR_INVALID_ARG_VALUE'],
    [{ exportKeys: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ])('is refused at once with a value that it does not have: %j', (options, code) => {
    const refused = expect.objectContaining({ code });
    expect(() => Reflect.construct(TLSSocket, [undefined, options])).toThrow(refused);
    expect(() => Reflect.apply(connect, undefined, [{ port: 1, ...options }])).toThrow(refused);
    if (!('exportKeys' in options)) expect(() => Reflect.apply(createServer, undefined, [options])).toThrow(refused);
  });

  it("fails before 'secureConnect' where the kernel is required for what is sent, and does not take it", async () => {
    const { server: identity, authority } = await makeIdentities();
    const server = createServer({ ...identity, ktls: 'off' }, (socket) => owned(socket).on('error', () => {}));
    const port = await listenUntilEnd(server);
    const where = { port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' };
    // What is captured stays off the kernel, on every machine.
    const client = owned(
      connect({
        ...where,
        capture: captureTo(new Writable({ write: (_, __, done) => done() })),
        ktls: { write: 'require' },
      }),
    );
    const told: string[] = [];
    client.on('secureConnect', () => told.push('secureConnect'));
    client.on('error', (error) => told.push(String(Reflect.get(error, 'code'))));
    await new Promise((resolve) => client.once('close', resolve));
    expect(told).toEqual(['ERR_KTLS_REQUIRED']);
  });
});
