import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { type ConnectOptions, connect, createServer, type TLSSocket } from '../../../src/index.ts';
import { listen } from '../../helpers/listen.ts';
import type { IdentityFiles } from '../identity-files.ts';
import { Program } from '../program.ts';

export type Version = 'TLSv1.2' | 'TLSv1.3';

/** How a stack's peer is run: see stacks/peer.go for what each of them does. */
export interface Stack {
  readonly name: string;
  readonly versions: readonly Version[];
  command(...words: readonly string[]): { readonly path: string; readonly words: readonly string[] };
}

/** What our socket shows of a peer. */
export interface Seen {
  readonly group: string | undefined;
  /** A second connection takes the session of the first one up. */
  readonly resumes: boolean;
  /** What came of three requests for new keys in a row, with data behind them (RFC 8446 §4.6.3); undefined in TLS 1.2. */
  readonly keyUpdates: KeyUpdates | undefined;
  /** After our close_notify it still sends what it has to. */
  readonly sendsBehindClose: boolean;
  /** It ends with close_notify. */
  readonly closeNotify: boolean;
}

type KeyUpdates = 'one for each' | 'one for all' | 'none' | 'ends';

/** Our side. */
export interface Ours {
  readonly identity: IdentityFiles;
  readonly ktls: 'off' | 'prefer';
}

export interface SeenOfServer extends Seen {
  readonly stackVersion: string;
  /** Bytes of padding in a record (RFC 8446 §5.4). */
  readonly padding: number;
}

/** Our client, and the stack as a server. */
export async function asServer(stack: Stack, version: Version, ours: Ours): Promise<SeenOfServer> {
  const serving = start(stack, 'server', ours.identity.files.cert, ours.identity.files.key);
  try {
    return await serving.during(visit(serving, version, ours));
  } finally {
    await serving.stop();
  }
}

async function visit(serving: Program, version: Version, { identity, ktls }: Ours): Promise<SeenOfServer> {
  const { version: stackVersion, port } = await announced(serving);
  const options = {
    host: '127.0.0.1',
    servername: 'localhost',
    ca: identity.ca,
    ktls,
    minVersion: version,
    maxVersion: version,
  };
  await using relay = await tap(port);
  let padding = 0;
  const first = await conversation({ ...options, port: relay.port }, () => {
    padding = paddingIn(relay.sent, version);
  });
  const again = await conversation({ ...options, port, ...(first.session && { session: first.session }) });
  const keyUpdates = version === 'TLSv1.3' ? await askForKeys({ ...options, port }) : undefined;
  const { group, sendsBehindClose, closeNotify } = first;
  return { stackVersion, group, resumes: again.resumed, keyUpdates, sendsBehindClose, closeNotify, padding };
}

interface Conversation extends Pick<Seen, 'group' | 'sendsBehindClose' | 'closeNotify'> {
  readonly session: Buffer | undefined;
  readonly resumed: boolean;
}

async function conversation(options: ConnectOptions, echoed = (): void => {}): Promise<Conversation> {
  const socket = connect({ ...options, allowHalfOpen: true });
  let session: Buffer | undefined;
  socket.on('session', (told: Buffer) => {
    session = told;
  });
  await once(socket, 'secureConnect');
  const [group, resumed] = [socket.getGroup(), socket.isSessionReused()];
  socket.write('!');
  await once(socket, 'data');
  echoed();
  let rest = '';
  socket.on('data', (data: Buffer) => {
    rest += data;
  });
  socket.end();
  await once(socket, 'close');
  return { group, resumed, session, sendsBehindClose: rest === 'bye', closeNotify: socket.closeNotifyReceived };
}

async function askForKeys(options: ConnectOptions): Promise<KeyUpdates> {
  const socket = connect(options);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const ended = once(socket, 'close').then((): KeyUpdates => 'ends');
  const answered = once(socket, 'data').then(() => renewals(socket));
  for (let i = 0; i < requests; i++) socket.updateKeys({ requestPeer: true });
  socket.write('!');
  const seen = await Promise.race([ended, answered.catch(() => ended)]);
  socket.destroy();
  return seen;
}

function renewals(socket: TLSSocket): KeyUpdates {
  const { read = 0 } = socket.keyEpochs;
  if (read === 0) return 'none';
  return read === requests ? 'one for each' : 'one for all';
}

/** Our server, and the stack as a client. */
export async function asClient(stack: Stack, version: Version, { identity, ktls }: Ours): Promise<Seen> {
  const { cert, key, files } = identity;
  const begun: Promise<Conversation>[] = [];
  let keyUpdates: KeyUpdates | undefined;
  const options = { cert, key, minVersion: version, maxVersion: version, allowHalfOpen: true, ktls };
  const server = createServer(options, (socket) => {
    const [group, resumed] = [socket.getGroup(), socket.isSessionReused()];
    // In the second conversation, so that the first one is as any other.
    const renews = version === 'TLSv1.3' && begun.length === 1;
    socket.on('error', () => {});
    socket.once('data', () => {
      if (renews) for (let i = 0; i < requests; i++) socket.updateKeys({ requestPeer: true });
    });
    socket.on('data', (data) => {
      if (renews && data.includes('again')) keyUpdates = renewals(socket);
      socket.write(data.subarray(0, 4).equals(httpRequest) ? httpResponse : data);
    });
    socket.on('end', () => socket.end('bye'));
    const close = new Promise((resolve) => socket.on('close', resolve));
    begun.push(
      close.then(() => {
        const { closeNotifyReceived: closeNotify } = socket;
        return { group, resumed, session: undefined, sendsBehindClose: false, closeNotify };
      }),
    );
  });
  const port = await listen(server);
  const asking = start(stack, 'client', String(port), files.ca, '2');
  try {
    const lines = await linesOf(asking);
    const [first, second] = await Promise.all(begun);
    if (!first) throw asking.failure('said nothing to our server');
    return {
      group: first.group,
      resumes: second?.resumed ?? false,
      keyUpdates: version === 'TLSv1.3' ? (keyUpdates ?? 'ends') : undefined,
      sendsBehindClose: lines[0] === 'rest bye',
      closeNotify: first.closeNotify,
    };
  } finally {
    await asking.stop();
    server.close();
  }
}

function start(stack: Stack, ...words: string[]): Program {
  const { path, words: all } = stack.command(...words);
  return new Program(path, all);
}

async function announced(program: Program): Promise<{ version: string; port: number }> {
  let version = '';
  for await (const line of createInterface(program.stdout)) {
    const [word, said = ''] = line.split(' ');
    if (word === 'version') version = said;
    if (word === 'port') return { version, port: Number(said) };
  }
  throw program.failure('did not say its port');
}

async function linesOf(program: Program): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface(program.stdout)) lines.push(line);
  await program.exit();
  return lines;
}

/** A relay to `port` that keeps what comes from there. */
async function tap(port: number): Promise<{ port: number; readonly sent: Buffer } & AsyncDisposable> {
  const chunks: Buffer[] = [];
  const relay = net.createServer({ allowHalfOpen: true }, (front) => {
    const back = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => front.destroy());
    front.on('error', () => back.destroy()).pipe(back);
    back.on('data', (chunk: Buffer) => chunks.push(chunk)).pipe(front);
  });
  return {
    port: await listen(relay),
    get sent() {
      return Buffer.concat(chunks);
    },
    async [Symbol.asyncDispose]() {
      relay.close();
    },
  };
}

/** Of the last record, which has the echo of one byte: TLS 1.3 has a byte for the type and a tag of 16 beside it. */
function paddingIn(wire: Buffer, version: Version): number {
  if (version !== 'TLSv1.3') return 0;
  const lengths: number[] = [];
  for (let at = 0; at + 5 <= wire.length; at += 5 + wire.readUInt16BE(at + 3)) lengths.push(wire.readUInt16BE(at + 3));
  return (lengths.at(-1) ?? 0) - (1 + 1 + 16);
}

const requests = 3;
/** A peer that knows nothing else gets an answer in HTTP. */
const httpRequest = Buffer.from('GET ');
const httpResponse = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
