import { once } from 'node:events';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import tls, { type TLSSocket } from '../../src/index.ts';
import { encryptKey, issue } from '../helpers/certificates.ts';
import { listenUntilEnd, owned } from './scenario.ts';

const passphrase = 'correct horse battery staple';

/** All that inspect() can be made to tell, as a log with a high depth would. */
const everything = { depth: 12, showHidden: false, maxArrayLength: null, maxStringLength: null } as const;

it('neither sockets, servers nor contexts show keys, passphrases or sessions when they are inspected', async () => {
  const { cert, key } = await issue(undefined);
  const identity = { cert, key: encryptKey(key, passphrase), passphrase };
  const accepted: TLSSocket[] = [];
  const server = tls.createServer(identity, (socket) => {
    accepted.push(owned(socket));
  });
  const port = await listenUntilEnd(server);
  const socket = owned(tls.connect({ port, ...identity, rejectUnauthorized: false }));
  const [session] = await Promise.all([once(socket, 'session'), once(socket, 'secureConnect')]);
  const context = tls.createSecureContext(identity);
  for (const value of [socket, ...accepted, server, context]) {
    const shown = inspect(value, everything);
    expect(shown).not.toContain(passphrase);
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain(inspect(session[0], everything));
  }
});
