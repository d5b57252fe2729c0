// The child process of many short connections: argument: the limits, as JSON.
import { once } from 'node:events';
import net from 'node:net';
import { selfSigned } from '../../src/cli/self-signed.ts';
import * as ktls from '../../src/index.ts';
import { Random } from '../fuzz/mutation.ts';
import { breakingRelay, Ends, ending, listening } from './ends.ts';
import { levelsNow } from './levels.ts';
import { Shift } from './work.ts';

const [, , limits = '{}', seed = '1'] = process.argv;
const shift = new Shift(JSON.parse(limits));
const random = new Random(Number(seed));
const identity = selfSigned(['localhost']);
const ends = new Ends();
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const layers = ['native', 'wasm'] as const;

const servers = layers.map((portableLayer) => {
  const server = ktls.createServer({ ...identity, portableLayer });
  server.on('connection', (socket: net.Socket) => ends.add(socket));
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    // The client's word: what to do with it.
    socket.on('data', (chunk: Buffer) => {
      if (chunk[0] === order.destroy) socket.destroy();
      else if (chunk[0] === order.end) socket.end(chunk);
      else socket.write(chunk);
    });
  });
  return server;
});
const order = { destroy: 1, end: 2, echo: 3 } as const;
const ports = await Promise.all(servers.map(listening));
const relays = ports.map((port) =>
  breakingRelay(port, () => ({ bytes: random.below(6000), isReset: random.below(2) === 0 }), ends),
);
const relayPorts = await Promise.all(relays.map(listening));
const contexts = versions.map((version) =>
  ktls.createSecureContext({ ca: identity.cert, minVersion: version, maxVersion: version }),
);
const trustless = versions.map((version) => ktls.createSecureContext({ minVersion: version, maxVersion: version }));
const narrow = ktls.createSecureContext({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
const sessions = new Map<string, Buffer>();

interface Choice {
  readonly server: number;
  readonly version: number;
  readonly portableLayer: 'native' | 'wasm';
}

type Kind = (choice: Choice) => Promise<void>;

function connect({ portableLayer, version, server }: Choice, more: object = {}): ktls.TLSSocket {
  const secureContext = contexts[version];
  const port = ports[server];
  const socket = ktls.connect({
    ...{ port, host: '127.0.0.1', servername: 'localhost', secureContext, portableLayer },
    ...more,
  });
  ends.add(socket);
  return socket;
}

async function talk(socket: ktls.TLSSocket, last: number): Promise<void> {
  const message = Buffer.alloc(1 + random.below(2000), order.echo);
  const end = ending(socket);
  socket.on('secureConnect', () => socket.write(message));
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    shift.bytes += chunk.length;
    if (received === message.length) socket.write(Buffer.of(last));
  });
  const error = await end;
  if (error) throw error;
  const expected = message.length + (last === order.end ? 1 : 0);
  if (received !== expected) throw new Error(`${received} bytes came back of ${expected}`);
}

async function expectError(socket: net.Socket, wanted: RegExp): Promise<void> {
  const error = await ending(socket);
  const said = error ? `${'code' in error ? error.code : ''} ${error.message}` : 'no error';
  if (!wanted.test(said)) throw new Error(`instead of ${wanted}: ${said}`);
}

const kinds: Readonly<Record<string, Kind>> = {
  async full(choice) {
    const socket = connect(choice);
    const name = `${choice.version} ${choice.server}`;
    socket.on('session', (session) => sessions.set(name, session));
    await talk(socket, order.end);
  },
  async resumed(choice) {
    const session = sessions.get(`${choice.version} ${choice.server}`);
    const socket = connect(choice, { session });
    let isReused: boolean | undefined;
    socket.on('secureConnect', () => {
      isReused = socket.isSessionReused();
    });
    await talk(socket, order.end);
    if (session && !isReused) throw new Error('a session was not resumed');
  },
  async brokenOff(choice) {
    const end = ending(connect(choice, { port: relayPorts[choice.server] }).on('secureConnect', gossip));
    await end;
  },
  async destroyed(choice) {
    const socket = connect(choice);
    const end = ending(socket);
    const event = random.of(['connect', 'secureConnect', 'session', 'data', 'now']);
    if (event === 'now') socket.destroy();
    // Should that event not come, it ends all the same.
    socket.on('secureConnect', () => socket.write(Buffer.of(order.end)));
    socket.once(event, () => socket.destroy()).resume();
    await end;
  },
  async destroyedByServer(choice) {
    const socket = connect(choice);
    const end = ending(socket.resume());
    socket.on('secureConnect', () => socket.write(Buffer.of(order.destroy)));
    await end;
  },
  async untrusted(choice) {
    await expectError(connect(choice, { secureContext: trustless[choice.version] }), /SELF_SIGNED/);
  },
  async wrongName(choice) {
    await expectError(connect(choice, { servername: 'other.example' }), /ALTNAME/);
  },
  async noCommonCipher(choice) {
    await expectError(connect(choice, { secureContext: narrow }), /HANDSHAKE_FAILURE/);
  },
  async noTls({ server }) {
    const socket = net.connect(ports[server] ?? 0, '127.0.0.1');
    ends.add(socket);
    const end = ending(socket.resume());
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await end;
  },
  async halfHello({ server }) {
    const socket = net.connect(ports[server] ?? 0, '127.0.0.1');
    ends.add(socket);
    const end = ending(socket.resume());
    socket.end(Buffer.from('16030102000100', 'hex'));
    await end;
  },
};

/** Says something until it ends. */
function gossip(this: ktls.TLSSocket): void {
  this.on('data', () => this.write(Buffer.alloc(200, order.echo)));
  this.write(Buffer.alloc(200, order.echo));
}

async function step(): Promise<void> {
  const choice = { server: random.below(2), version: random.below(2), portableLayer: random.of(layers) };
  const [name, run] = random.of(Object.entries(kinds));
  try {
    await run(choice);
  } catch (error) {
    shift.fault(`${name} ${JSON.stringify(choice)}: ${error instanceof Error ? error.message : String(error)}`);
  }
  shift.connections++;
}

await shift.work(step, 8, async () => {
  await ends.none();
  return await levelsNow([...servers, ...relays]);
});
for (const server of [...servers, ...relays]) server.close();
await Promise.all([...servers, ...relays].map((server) => once(server, 'close')));
process.disconnect();
