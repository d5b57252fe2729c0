import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { connect, createServer } from '../../src/index.ts';
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
});
