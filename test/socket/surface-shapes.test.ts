import { once } from 'node:events';
import net from 'node:net';
import nodeTls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import ktls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, owned, readAll } from './scenario.ts';
import { bothSecure, codeOf, dial, isNode22, listening, node, open, pairs, same, thrownBy } from './surface.ts';

/** Shapes of classes, servers and contexts that packages lean on, whether node:tls documents them or not. */

let identities: Identities;
let others: Identities;

beforeAll(async () => {
  [identities, others] = await Promise.all([makeIdentities(), makeIdentities()]);
});

/** The declarations of node:tls have SecureContext as an interface alone. */
interface Module extends Pick<typeof nodeTls, 'TLSSocket' | 'createSecureContext'> {
  readonly SecureContext: new (...options: unknown[]) => nodeTls.SecureContext;
}

/** The same of both modules. */
async function sameOfModules(observe: (by: Module) => unknown): Promise<unknown> {
  const expected = await observe(asModule(nodeTls));
  expect(await observe(asModule(ktls))).toEqual(expected);
  return expected;
}

function asModule(value: unknown): Module {
  if (!isModule(value)) throw new Error('no module');
  return value;
}

const isModule = (value: unknown): value is Module =>
  typeof value === 'object' && value !== null && 'TLSSocket' in value;

describe('classes', () => {
  it('TLSSocket is called on an object that inherits from it', async () => {
    const { port } = await listening(node, identities.server);
    await sameOfModules(async ({ TLSSocket }) => {
      function Heir(this: object, stream: net.Socket, options: object): void {
        Reflect.set(this, 'before', 1);
        Reflect.apply(TLSSocket, this, [stream, options]);
        Reflect.set(this, 'after', 2);
      }
      Object.setPrototypeOf(Heir.prototype, TLSSocket.prototype);
      Object.setPrototypeOf(Heir, TLSSocket);
      const options = { rejectUnauthorized: false };
      const heir: unknown = Reflect.construct(Heir, [net.connect(port, '127.0.0.1'), options]);
      if (!(heir instanceof net.Socket)) throw new Error('no socket');
      owned(heir).write('x');
      await once(heir, 'secure');
      const seen = ['before', 'after', 'encrypted'].map((name) => Reflect.get(heir, name));
      return [
        ...seen,
        heir instanceof TLSSocket,
        heir.constructor === Heir,
        TLSSocket.prototype.constructor === TLSSocket,
      ];
    });
  });

  it('an object that inherits from it and is made by net.Socket is a net.Socket', async () => {
    const echo = net.createServer((socket) => socket.pipe(socket));
    const port = await listen(echo);
    const seen = await sameOfModules(async ({ TLSSocket }) => {
      function Stand(this: object): void {
        Reflect.apply(net.Socket, this, [{}]);
      }
      Stand.prototype = Object.create(TLSSocket.prototype, { constructor: { value: Stand } });
      const stand: unknown = Reflect.construct(Stand, []);
      if (!(stand instanceof TLSSocket)) throw new Error('no socket');
      owned(stand).connect(port, '127.0.0.1');
      await once(stand, 'connect');
      const { remotePort, pending } = stand;
      stand.setNoDelay().setKeepAlive(true).pause().resume().end('clear text');
      const text = String(await readAll(stand));
      await closed(stand);
      return [text, remotePort, pending, stand.bytesRead, stand.destroyed];
    });
    echo.close();
    expect(seen).toEqual(['clear text', port, false, 10, true]);
  });

  it('what such an object has of it answers or refuses as there', async () => {
    const context: Buffer = Buffer.alloc(1);
    const seen = await sameOfModules(async ({ TLSSocket, createSecureContext }) => {
      const stand: unknown = Object.create(TLSSocket.prototype);
      if (!(stand instanceof TLSSocket)) throw new Error('no socket');
      Reflect.apply(net.Socket, stand, [{}]);
      stand.setKeyCert(createSecureContext());
      stand.enableTrace();
      const refused = thrownBy(() => stand.exportKeyingMaterial(10, 'label', context));
      stand.destroy();
      return [stand.getPeerCertificate(), stand.getCertificate(), refused];
    });
    expect(seen).toMatchObject([null, null, {}]);
  });

  it('SecureContext, without new as well', async () => {
    await sameOfModules(({ SecureContext, createSecureContext }) => {
      const made: unknown[] = [
        Reflect.apply(SecureContext, undefined, []),
        Reflect.construct(SecureContext, [undefined, 0, 'TLSv1.3', 'TLSv1.3']),
        createSecureContext(),
      ];
      const refused = thrownBy(() => Reflect.construct(SecureContext, [undefined, 0, 'TLSv9']));
      return [...made.map((context) => context instanceof SecureContext), SecureContext.name, refused];
    });
  });

  unless(isNode22 && 'Node.js 22 does otherwise', it)(
    'certificateCompression: what is no such list is refused, as by node:tls',
    async () => {
      const values: readonly unknown[] = [
        [],
        null,
        undefined,
        'zlib',
        0,
        false,
        ['gzip'],
        ['zlib', 1],
        Array(4).fill('zlib'),
      ];
      await sameOfModules(({ createSecureContext }) =>
        values.map((certificateCompression) =>
          thrownBy(() => Reflect.apply(createSecureContext, undefined, [{ certificateCompression }])),
        ),
      );
    },
  );
});

unless(isNode22 && 'Node.js 22 does otherwise', it)(
  'certificateCompression: that it has no effect is said, once',
  async () => {
    const warned: unknown[] = [];
    const onWarning = (warning: Error): void => void warned.push(Reflect.get(warning, 'code'));
    process.on('warning', onWarning);
    try {
      for (let i = 0; i < 2; i++)
        Reflect.apply(ktls.createSecureContext, undefined, [{ certificateCompression: ['zlib'] }]);
      await new Promise(setImmediate);
    } finally {
      process.off('warning', onWarning);
    }
    expect(warned).toEqual(['KTLS_CERTIFICATE_COMPRESSION']);
  },
);

describe.each(pairs.filter(({ server }) => server !== node))('$name', (pair) => {
  it('a certificate is exchanged in the context of a server that listens', async () => {
    const seen = await same(pair, async (by) => {
      const { server, port } = await listening(by.server, identities.server);
      const connected = async (ca: string): Promise<unknown> => {
        const { client } = await bothSecure(server, dial(by.client, port, identities, { ca }));
        return client.authorized;
      };
      const before = await connected(identities.authority.cert);
      const context: unknown = Reflect.get(Reflect.get(server, '_sharedCreds'), 'context');
      const call = (name: string, ...args: unknown[]): unknown =>
        thrownBy(() => Reflect.apply(Reflect.get(Object(context), name), context, args));
      const { key, cert } = others.server;
      const exchanged = [call('setCert', cert), call('setKey', key), call('addCACert', others.authority.cert)];
      const after = await connected(others.authority.cert);
      const wrong = [call('setCert', 'none'), call('setKey', identities.server.key)].map((thrown) => Object(thrown)[0]);
      return [before, exchanged, after, wrong, await connected(others.authority.cert)];
    });
    const codes = ['ERR_OSSL_PEM_NO_START_LINE', 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'];
    expect(seen).toEqual([true, [undefined, undefined, undefined], true, codes, true]);
  });

  it('a server’s options are its properties', async () => {
    await same(pair, async ({ server }) => {
      const made = server.createServer({ ...identities.server, sigalgs: 'RSA+SHA256:ECDSA+SHA256', sessionTimeout: 9 });
      const names = [
        'key',
        'cert',
        'ca',
        'sigalgs',
        'sessionTimeout',
        'honorCipherOrder',
        'sessionIdContext',
        'ticketKeys',
      ];
      const seen = (): unknown[] => names.map((name) => [name in made, Reflect.get(made, name)]);
      const first = seen();
      made.setSecureContext({ ...others.server, ca: others.authority.cert, honorCipherOrder: false });
      return [first, seen()];
    });
  });

  it('setSecureContext with what is no object', async () => {
    await same(pair, async ({ server }) => {
      const made = server.createServer(identities.server);
      const set = (options: unknown): unknown => thrownBy(() => Reflect.apply(made.setSecureContext, made, [options]));
      return [undefined, null, 1, 'text', []].map(set);
    });
  });
});

describe.each(pairs.filter(({ client }) => client !== node))('$name', (pair) => {
  it('TLS inside of TLS judges the name that the outer one was connected to', async () => {
    const seen = await same(pair, async (by) => {
      const inner = await listening(by.server, identities.server);
      const outer = await listening(by.server, identities.server);
      outer.server.on('secureConnection', (socket) => {
        const onward = owned(net.connect(inner.port, '127.0.0.1')).on('error', () => {});
        socket.pipe(onward).pipe(socket);
      });
      const names: string[] = [];
      const judging = {
        ca: identities.authority.cert,
        checkServerIdentity(name: string): undefined {
          names.push(name);
        },
      };
      const lookup: net.LookupFunction = (_name, { all }, done) => {
        if (all)
          done(null, [
            { address: '127.0.0.1', family: 4 },
            { address: '::1', family: 6 },
          ]);
        else done(null, '127.0.0.1', 4);
      };
      const to = { port: outer.port, host: 'below.example', lookup };
      const below = owned(by.client.connect({ ...judging, ...to, servername: 'outer.example' }));
      await once(below, 'secureConnect');
      const above = owned(by.client.connect({ ...judging, socket: below }));
      await once(above, 'secureConnect');
      const addresses = below.autoSelectFamilyAttemptedAddresses?.map((address) => address.replace(/\d+$/, ''));
      return [names, Reflect.get(below, '_host'), addresses];
    });
    expect(seen).toEqual([['outer.example', 'below.example'], 'below.example', ['127.0.0.1:']]);
  });

  it('options of servers mean nothing to a client: pauseOnConnect', async () => {
    await same(pair, async (by) => {
      const { server, port } = await listening(by.server, identities.server);
      server.on('secureConnection', (socket) => socket.end('data'));
      const options: object = { pauseOnConnect: true };
      const client = dial(by.client, port, identities, options);
      await once(client, 'secureConnect');
      return [client.isPaused(), String(await readAll(client))];
    });
  });

  it('onread that is none is passed over', async () => {
    const seen = await same(pair, async (by) => {
      const { server, port } = await listening(by.server, identities.server);
      server.on('secureConnection', (socket) => socket.end('data'));
      const values: readonly unknown[] = [{}, null, false, 0, '', true, { buffer: Buffer.alloc(3) }, { callback() {} }];
      const received = values.map((onread) => {
        const options: object = { onread };
        return readAll(dial(by.client, port, identities, options));
      });
      return (await Promise.all(received)).map(String);
    });
    expect(new Set(seen)).toEqual(new Set(['data']));
  });

  unless(isNode22 && 'Node.js 22 does otherwise', it)(
    'issuerCertificate of the peer’s X509Certificate: what the peer sent',
    async () => {
      const seen = await same(pair, async (by) => {
        const told: unknown[] = [];
        for (const more of ['', identities.authority.cert]) {
          const cert = identities.server.cert + more;
          const { client } = await open(by, identities, { server: { cert } });
          const certificate = client.getPeerX509Certificate();
          told.push(certificate?.issuerCertificate?.subject, certificate?.issuerCertificate?.issuerCertificate);
        }
        return told.map((word) => typeof word);
      });
      expect(seen).toEqual(['undefined', 'undefined', 'string', 'undefined']);
    },
  );

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('keys of 512 bytes that both know: %s', async (maxVersion) => {
    const seen = await same(pair, async (by) => {
      const told: unknown[] = [];
      for (const length of [257, 512, 513]) {
        const psk = Buffer.alloc(length, 1);
        const common = { maxVersion, ciphers: 'PSK:TLS_AES_128_GCM_SHA256' };
        const { port } = await listening(by.server, { ...common, pskCallback: () => psk });
        const pskCallback = () => ({ psk, identity: 'x' });
        const client = dial(by.client, port, identities, {
          ...common,
          pskCallback,
          checkServerIdentity: () => undefined,
        });
        told.push(await once(client, 'secureConnect').then(() => 'secure', codeOf));
      }
      return told;
    });
    expect(seen).toEqual(['secure', 'secure', 'ERR_INVALID_ARG_VALUE']);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('identities of up to 256 bytes: %s', async (maxVersion) => {
    const seen = await same(pair, async (by) => {
      const told: unknown[] = [];
      for (const length of [255, 256, 257]) {
        const identity = 'i'.repeat(length);
        const psk = Buffer.alloc(32, 1);
        const common = { maxVersion, ciphers: 'PSK:TLS_AES_128_GCM_SHA256' };
        const asked: unknown[] = [];
        const pskCallback = (_socket: unknown, name: string): Buffer => {
          asked.push(name);
          return psk;
        };
        const { port } = await listening(by.server, { ...common, pskCallback });
        const client = dial(by.client, port, identities, {
          ...common,
          pskCallback: () => ({ psk, identity }),
          checkServerIdentity: () => undefined,
        });
        told.push(await once(client, 'secureConnect').then(() => asked[0] === identity, codeOf));
      }
      return told;
    });
    expect(seen).toEqual([true, true, 'ERR_INVALID_ARG_VALUE']);
  });
});
