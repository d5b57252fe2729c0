import { once } from 'node:events';
import type net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { type Cell, MatrixTable, negotiatedBy, only } from './matrix.ts';
import { digest, feed, makePayload } from './payload.ts';

const length = 4_000_000;
const table = new MatrixTable('OpenSSL in wasm protects the records: our side with node:tls, 4 MB each way');
const upload = makePayload(length);
const download = makePayload(length);
let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});

afterAll(() => {
  identity.remove();
  table.print();
});

/** Suites that other layers could carry, so the option says that they must not. */
const chosen: readonly Cell[] = [
  { version: 'TLSv1.2', aead: 'AES-128-GCM', cipher: 'ECDHE-RSA-AES128-GCM-SHA256' },
  { version: 'TLSv1.3', aead: 'AES-256-GCM', cipher: 'TLS_AES_256_GCM_SHA384' },
  { version: 'TLSv1.3', aead: 'CHACHA20-POLY1305', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
];

/** Suites that no other layer has. */
const onlyThere: readonly Cell[] = [
  { version: 'TLSv1.2', aead: 'AES-128-CBC', cipher: 'ECDHE-RSA-AES128-SHA256' },
  { version: 'TLSv1.2', aead: 'AES-128-CCM', cipher: 'AES128-CCM' },
  { version: 'TLSv1.3', aead: 'AES-128-CCM', cipher: 'TLS_AES_128_CCM_SHA256' },
];

type ServerOptions = Pick<tls.TlsOptions, 'cert' | 'key' | 'ciphers' | 'minVersion' | 'maxVersion'>;
type ClientOptions = Pick<tls.ConnectionOptions, 'servername' | 'ca' | 'ciphers' | 'minVersion' | 'maxVersion'> & {
  host: string;
  port: number;
};

const roles = [
  {
    name: 'node:tls client to our server',
    serving: (options: ServerOptions): net.Server => ktls.createServer(options),
    calling: (options: ClientOptions) => tls.connect(options),
  },
  {
    name: 'our client to node:tls server',
    serving: (options: ServerOptions): net.Server => tls.createServer(options),
    calling: (options: ClientOptions) => ktls.connect(options),
  },
] as const;

describe.each(roles)('$name', ({ name, serving, calling }) => {
  it.each(chosen)('$version $aead, chosen', (cell) =>
    table.run(name, cell, () => transfer(serving, calling, cell, { portableLayer: 'wasm' })),
  );
  it.each(onlyThere)('$version $aead, as nothing else carries it', (cell) =>
    table.run(name, cell, () => transfer(serving, calling, cell, {})),
  );
});

async function transfer(
  serve: (options: ServerOptions) => net.Server,
  call: (options: ClientOptions) => tls.TLSSocket | ktls.TLSSocket,
  cell: Cell,
  layer: { portableLayer?: 'wasm' },
): Promise<void> {
  const { cert, key, ca } = identity;
  const options = { ...only(cell), ktls: 'off', ...layer };
  const server = serve({ cert, key, ...options });
  const port = await listen(server);
  try {
    const accepted = new Promise<net.Socket>((resolve) => server.once('secureConnection', resolve));
    const client = call({ host: '127.0.0.1', port, servername: 'localhost', ca, ...options });
    const [socket] = await Promise.all([accepted, once(client, 'secureConnect')]);
    const ours = [socket, client].find((side) => side instanceof ktls.TLSSocket);
    const expected = { version: cell.version, cipher: cell.cipher, read: 'wasm', write: 'wasm' };
    expect(ours && negotiatedBy(ours)).toEqual(expected);

    const [uploaded] = await Promise.all([digest(socket, length), feed(client, upload.bytes)]);
    const [downloaded] = await Promise.all([digest(client, length), feed(socket, download.bytes)]);
    expect(uploaded).toBe(upload.sha256);
    expect(downloaded).toBe(download.sha256);

    const closed = Promise.all([once(client, 'close'), once(socket, 'close')]);
    socket.resume();
    client.resume().end();
    await closed;
  } finally {
    server.close();
  }
}
