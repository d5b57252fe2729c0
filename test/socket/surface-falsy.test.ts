import http2 from 'node:http2';
import https from 'node:https';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ktlsHttp2 from '../../src/http2.ts';
import * as ktlsHttps from '../../src/https.ts';
import * as ktls from '../../src/index.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { isNode22 } from './surface.ts';

/** Every option with every value that is nothing: programs pass on what they were not given. Taken or refused as by node:tls. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const values: readonly unknown[] = [undefined, null, false, 0, '', {}, [], Number.NaN];

const options = [
  ...['ALPNCallback', 'ALPNProtocols', 'SNICallback', 'allowHalfOpen', 'allowPartialTrustChain', 'autoSelectFamily'],
  ...['blockList', 'ca', 'cert', 'certificateCompression', 'checkServerIdentity', 'ciphers', 'clientCertEngine'],
  ...['credentials', 'crl', 'dhparam', 'ecdhCurve', 'enableTrace', 'family', 'handshakeTimeout', 'highWaterMark'],
  ...['hints', 'honorCipherOrder', 'host', 'isServer', 'keepAlive', 'keepAliveInitialDelay', 'key', 'localAddress'],
  ...['localPort', 'lookup', 'maxVersion', 'minDHSize', 'minVersion', 'noDelay', 'onread', 'passphrase', 'path'],
  ...['pauseOnConnect', 'pfx', 'port', 'privateKeyEngine', 'privateKeyIdentifier', 'pskCallback', 'pskIdentityHint'],
  ...['rejectUnauthorized', 'requestCert', 'requestOCSP', 'secureContext', 'secureOptions', 'secureProtocol', 'server'],
  ...['servername', 'session', 'sessionIdContext', 'sessionTimeout', 'sigalgs', 'signal', 'singleUse', 'ticketKeys'],
  ...['timeout'],
];

/** What the node:tls of Node.js 22 does not know yet. */
const newer = new Set(['certificateCompression']);

/** Both of a kind, for a call with options. */
interface Call {
  readonly name: string;
  readonly node: (given: object) => unknown;
  readonly ours: (given: object) => unknown;
}

const nowhere = (): Duplex => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

function socketOf(by: unknown, given: object): void {
  const { TLSSocket }: { TLSSocket?: unknown } = Object(by);
  if (typeof TLSSocket !== 'function') throw new Error('no module');
  drop(Reflect.construct(TLSSocket, [nowhere(), given]));
}

function drop(socket: Duplex): void {
  socket.on('error', () => {}).destroy();
}

const withIdentity = (given: object): object => ({ ...identities.server, ...given });

const calls: readonly Call[] = [
  { name: 'createSecureContext', node: tls.createSecureContext, ours: ktls.createSecureContext },
  {
    name: 'Server',
    node: (given) => tls.createServer(withIdentity(given)),
    ours: (given) => ktls.createServer(withIdentity(given)),
  },
  {
    name: 'Server without a certificate',
    node: (given) => tls.createServer(given),
    ours: (given) => ktls.createServer(given),
  },
  {
    name: 'connect',
    node: (given) => drop(tls.connect({ socket: nowhere(), ...given })),
    ours: (given) => drop(ktls.connect({ socket: nowhere(), ...given })),
  },
  { name: 'TLSSocket', node: (given) => socketOf(tls, given), ours: (given) => socketOf(ktls, given) },
  {
    name: 'TLSSocket of a server',
    node: (given) => socketOf(tls, { isServer: true, ...withIdentity(given) }),
    ours: (given) => socketOf(ktls, { isServer: true, ...withIdentity(given) }),
  },
  {
    name: 'addContext',
    node: (given) => tls.createServer().addContext('a', given),
    ours: (given) => ktls.createServer().addContext('a', given),
  },
  {
    name: 'setSecureContext',
    node: (given) => tls.createServer().setSecureContext(given),
    ours: (given) => ktls.createServer().setSecureContext(given),
  },
  {
    name: 'https.createServer',
    node: (given) => https.createServer(withIdentity(given)),
    ours: (given) => ktlsHttps.createServer(withIdentity(given)),
  },
  {
    name: 'http2.createSecureServer',
    node: (given) => http2.createSecureServer(withIdentity(given)),
    ours: (given) => ktlsHttp2.createSecureServer(withIdentity(given)),
  },
];

/** `taken`, the code of the error, or its name where it has none. */
function verdict(call: () => unknown): unknown {
  try {
    call();
    return 'taken';
  } catch (error) {
    if (!(error instanceof Error)) return error;
    return Reflect.get(error, 'code') ?? error.name;
  }
}

describe.each(calls)('$name', ({ node, ours }) => {
  it.each(options.filter((option) => !(isNode22 && newer.has(option))))('%s', (option) => {
    const seen = (by: Call['node']): unknown => values.map((value) => [value, verdict(() => by({ [option]: value }))]);
    expect(seen(ours)).toEqual(seen(node));
  });
});
