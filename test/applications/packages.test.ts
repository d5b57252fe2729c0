import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { Application, runClient, stopApplications } from './application.ts';

/**
 * Packages that lean on what node:tls does not document. Each is run with plain node:tls first, where it must give the answer too: one that fails
 * there proves nothing.
 */
interface Package {
  readonly name: string;
  readonly client: string;
  readonly server?: string;
  readonly answer: unknown;
  /** Whether connections of the client's come about: what is intercepted is none. */
  readonly connects: boolean;
}

const secure = { secure: true, protocol: 'https', version: 'TLSv1.3' };
const told = { version: '1.1', protocol: 'https' };

const packages: readonly Package[] = [
  {
    name: 'got, with http2-wrapper: the constructor behind _handle._parentWrap, at import',
    client: 'got-client',
    server: 'fastify-server',
    answer: [
      { httpVersion: '1.1', told, same: true },
      { httpVersion: '2.0', told: { ...told, version: '2.0' }, same: true },
    ],
    connects: true,
  },
  {
    name: 'nock: nothing of what it intercepts reaches the network',
    client: 'nock-client',
    answer: { got: 'first', fetched: [201, 'second'], refused: 'ENETUNREACH', done: true },
    connects: false,
  },
  {
    name: 'msw: what it intercepts, and what it lets through',
    client: 'msw-client',
    server: 'koa-server',
    answer: {
      got: { status: 202, body: 'mocked', authorized: false, encrypted: true },
      fetched: 'mocked',
      through: { status: 200, body: JSON.stringify(secure), authorized: true, encrypted: true },
    },
    connects: true,
  },
  {
    name: 'mitm: objects that only inherit from TLSSocket.prototype',
    client: 'mitm-client',
    answer: { body: 'GET mitm.invalid/one', encrypted: true, authorized: true, isTls: true },
    connects: false,
  },
  {
    name: 'socket.io, by both transports',
    client: 'socket-io-client',
    server: 'socket-io-server',
    answer: [
      { same: true, by: 'polling', secure: true },
      { same: true, by: 'websocket', secure: true },
    ],
    connects: true,
  },
  {
    name: 'restify',
    client: 'fetch-client',
    server: 'restify-server',
    answer: { fetched: secure, requested: secure, got: secure, same: true },
    connects: true,
  },
  {
    name: 'ftp-srv and basic-ftp: what is read is told as the data of the socket below',
    client: 'ftp-client',
    server: 'ftp-server',
    answer: { names: ['file.txt'], same: true, encrypted: true, authorized: true },
    connects: true,
  },
];

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(stopApplications);
afterAll(() => identity.remove());

test.each(
  packages.flatMap((each) => [[each.name, 'node:tls', each] as const, [each.name, 'ktls/register', each] as const]),
)('%s: with %s', async (_name, library, { client, server, answer, connects }) => {
  const { key, cert, ca } = identity.files;
  const registered = library === 'ktls/register';
  const options = { registered, environment: { NODE_EXTRA_CA_CERTS: ca } };
  const folder = join(identity.folder, `${client}-${registered}`);
  mkdirSync(folder);
  const isFtp = client === 'ftp-client';
  const files = [key, cert, ...(isFtp ? [folder] : [])];
  const port = server && (await new Application(server, files, options).port());
  const words = port === undefined ? [] : isFtp ? [port, ca] : [`https://localhost:${port}`];
  const run = (): ReturnType<typeof runClient> => runClient(client, words, options);
  // What goes wrong between two packages and node:tls once in a while, as data of FTP that come without TLS, is no fault of ours: there it may be done again.
  const seen = registered ? await run() : await run().catch(run);
  expect(seen.answer).toEqual(answer);
  const ours = seen.connections.filter((line) => line.startsWith('ktls client of '));
  expect(ours.length > 0).toBe(registered && connects);
});
