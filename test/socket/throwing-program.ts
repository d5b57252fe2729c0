// node throwing-program.ts LIBRARY: connections of which a listener throws, one after another; what became of each, a line of JSON.
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import nodeTls from 'node:tls';
import * as ktls from '../../src/index.ts';
import { makeIdentities } from './identities.ts';

const [, , library = 'node:tls'] = process.argv;
const ours = { ktls: 'off', portableLayer: library === 'wasm' ? 'wasm' : 'native' } as const;
const tls: {
  connect(options: object): nodeTls.TLSSocket;
  createServer(options: object): nodeTls.Server;
} =
  library === 'node:tls'
    ? { connect: nodeTls.connect, createServer: (options) => nodeTls.createServer(options) }
    : {
        connect: (options) => ktls.connect({ ...options, ...ours }),
        createServer: (options) => ktls.createServer({ ...options, ...ours }),
      };

const thrown: string[] = [];
process.on('uncaughtException', (error) => {
  thrown.push(error.message);
  if (error.message !== 'thrown') console.error(error);
});

const identities = await makeIdentities();
const content = Buffer.alloc(300_000, 'what is sent ');

interface Case {
  readonly name: string;
  readonly client?: object;
  readonly onClient?: string;
  readonly onServer?: string;
}

const cases: readonly Case[] = [
  ...['session', 'keylog', 'secure', 'secureConnect', 'OCSPResponse', 'data'].map((onClient) => ({
    name: onClient,
    onClient,
    client: { requestOCSP: true },
  })),
  { name: 'newSession', onServer: 'newSession' },
  { name: 'keylog of a server', onServer: 'keylog' },
  { name: 'secureConnection', onServer: 'secureConnection' },
  {
    name: 'checkServerIdentity',
    client: {
      checkServerIdentity: () => {
        throw new Error('thrown');
      },
    },
  },
];

/** Both sides send, and end; each listener throws the first time. */
async function life({ client: options, onClient, onServer }: Case, maxVersion: string): Promise<object> {
  thrown.length = 0;
  const server = tls.createServer({ ...identities.server, maxVersion });
  const throwing = (): ((...words: unknown[]) => void) => {
    let calls = 0;
    return (...words: unknown[]) => {
      if (++calls === 1) throw new Error('thrown');
      // A session of a server is told with what is to be called then.
      for (const word of words) if (typeof word === 'function') word();
    };
  };
  let [atServer, atClient] = [0, 0];
  const ended: Promise<unknown>[] = [];
  server.on('secureConnection', (socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        atServer += chunk.length;
      });
    ended.push(new Promise((resolve) => socket.once('end', resolve)));
    socket.end(content);
  });
  if (onServer) server.on(onServer, throwing());
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const trusting = { host: '127.0.0.1', port, ca: identities.authority.cert, servername: 'localhost' };
  const client = tls.connect({ ...trusting, ...options });
  client
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      atClient += chunk.length;
    });
  if (onClient) client.on(onClient, throwing());
  client.end(content);
  // As long as a busy machine may take for what does not stall.
  const stalled = wait(5000, true, { ref: true });
  const done = new Promise((resolve) => client.once('close', resolve)).then(() => Promise.all(ended));
  const isStalled = await Promise.race([done.then(() => false), stalled]);
  client.destroy();
  server.close();
  return { atServer: atServer / content.length, atClient: atClient / content.length, isStalled, thrown: [...thrown] };
}

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  for (const one of cases) console.log(JSON.stringify({ version, name: one.name, ...(await life(one, version)) }));
}
process.exit();
