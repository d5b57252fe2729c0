import { once } from 'node:events';
import nodeHttps from 'node:https';
import nodeTls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import https from '../../src/https.ts';
import ktls from '../../src/index.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { codeOf, listening, node } from './surface.ts';

/** `tls.checkServerIdentity = …`: a program that pins certificates for all of its connections. */

let identities: Identities;
let port: number;

beforeAll(async () => {
  identities = await makeIdentities();
});

type Check = typeof nodeTls.checkServerIdentity;

interface Module {
  checkServerIdentity: Check;
  connect(options: nodeTls.ConnectionOptions): nodeTls.TLSSocket;
}

const libraries: readonly [Libraries, Libraries] = [
  { tls: nodeTls, https: nodeHttps },
  { tls: ktls, https },
];

interface Libraries {
  readonly tls: Module;
  readonly https: Pick<typeof nodeHttps, 'get'>;
}

const originals = libraries.map(({ tls }) => [tls, tls.checkServerIdentity] as const);

afterEach(() => {
  for (const [tls, original] of originals) Reflect.set(tls, 'checkServerIdentity', original);
});

/** What a connection came to. */
async function came(socket: nodeTls.TLSSocket): Promise<unknown> {
  const failed = new Promise((resolve) => socket.once('error', (error) => resolve(codeOf(error))));
  return await Promise.race([
    failed,
    once(owned(socket), 'secureConnect').then(
      () => 'secure',
      () => failed,
    ),
  ]);
}

async function fetched(by: Libraries['https'], options: object): Promise<unknown> {
  return await new Promise((resolve) => {
    by.get({
      host: '127.0.0.1',
      port,
      ca: identities.authority.cert,
      servername: 'localhost',
      agent: false,
      ...options,
    })
      .on('error', (error) => resolve(codeOf(error)))
      .on('response', (response) => resolve(response.statusCode));
  });
}

/** The same of node's and of ours. */
async function both(observe: (library: Libraries) => Promise<unknown>): Promise<unknown> {
  const { server, port: listened } = await listening(node, identities.server);
  server.on('secureConnection', (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  port = listened;
  const [expected, seen] = [await observe(libraries[0]), await observe(libraries[1])];
  expect(seen).toEqual(expected);
  return seen;
}

const options = () => ({ host: '127.0.0.1', port, ca: identities.authority.cert, servername: 'localhost' });
const pinned: Check = () => Object.assign(new Error('another key'), { code: 'PINNED' });

describe('tls.checkServerIdentity, assigned', () => {
  it('is asked by connect and by https, with the name and the whole chain', async () => {
    const seen = await both(async ({ tls, https: web }) => {
      const asked: unknown[] = [];
      tls.checkServerIdentity = (name, certificate) => {
        asked.push([name, certificate.subject.CN, 'issuerCertificate' in certificate]);
        return pinned(name, certificate);
      };
      return [await came(tls.connect(options())), await fetched(web, {}), asked];
    });
    expect(seen).toMatchObject(['PINNED', 'PINNED', [expect.anything(), expect.anything()]]);
  });

  it('is the one at the time of the call, and an option comes first', async () => {
    const seen = await both(async ({ tls, https: web }) => {
      const before = tls.connect(options());
      tls.checkServerIdentity = pinned;
      const own = { checkServerIdentity: () => undefined };
      return [await came(before), await came(tls.connect({ ...options(), ...own })), await fetched(web, own)];
    });
    expect(seen).toEqual(['secure', 'secure', 204]);
  });

  it('can let through what node:tls does not', async () => {
    const seen = await both(async ({ tls }) => {
      const wrong = { ...options(), servername: 'other.example' };
      const refused = await came(tls.connect(wrong));
      tls.checkServerIdentity = () => undefined;
      return [refused, await came(tls.connect(wrong))];
    });
    expect(seen).toEqual(['ERR_TLS_CERT_ALTNAME_INVALID', 'secure']);
  });
});
