import { once } from 'node:events';
import { Transform, type TransformCallback } from 'node:stream';
import type { ConnectOptions } from '../index.ts';
import { captureTo } from '../keys.ts';
import { type Address, parseAddress } from './address.ts';
import { type ClientConnection, connectionOptions, connectOptions, openClient } from './client-connection.ts';
import { type Command, CommandError, command, ExitCode, jsonOption, UsageError } from './command.ts';
import { explainSystemError } from './explain.ts';
import type { Output } from './output.ts';
import { adviceOn, peerAsJson, type Resumption, reportPeer } from './peer-report.ts';

export const connectCommand: Command = command({
  name: 'connect',
  summary: 'Connect to a server, tell all about it, and talk to it',
  usage: 'HOST[:PORT] [OPTION…]',
  details: [
    'Says on stderr who the server is, whether it is to be trusted and why not, what was negotiated, how long it took and',
    'who carries the records. Then stdin is sent, and what the server sends is written to stdout, until either ends.',
    'A server that is not to be trusted is sent nothing, and the exit code is 1.',
  ],
  examples: [
    ['ktls connect example.com', 'look, then type; Ctrl-D ends it'],
    ["printf 'GET / HTTP/1.0\\r\\nHost: example.com\\r\\n\\r\\n' | ktls connect --wait example.com:443", 'a request'],
    ['ktls connect localhost:8443 --ca cert.pem --resume', 'whether the server resumes sessions'],
    ['ktls connect example.com --capture traffic.pcapng', 'the same, for Wireshark or ktls decrypt'],
    ["ktls connect example.com --json | jq '.chain[0].validTo'", 'when the certificate ends'],
  ],
  options: {
    ...connectionOptions,
    resume: { type: 'boolean', about: 'connect twice, the second time with the session of the first' },
    crlf: { type: 'boolean', about: 'send a carriage return before each line feed of stdin' },
    wait: { type: 'boolean', about: 'when stdin ends, wait for the server to end' },
    capture: {
      type: 'string',
      placeholder: 'FILE',
      about: 'take all down in a pcapng file, with its secrets',
      values: 'files',
    },
    json: { ...jsonOption, about: 'print JSON, for programs, and end without talking' },
  },
  async run(values, positionals, output) {
    const [target, ...more] = positionals;
    if (target === undefined || more.length > 0) throw new UsageError('connect wants one address: host:port');
    const address = parseAddress(target);
    const { options, milliseconds } = connectOptions(values);
    const capture = values.capture === undefined ? undefined : captureTo(values.capture);
    try {
      const resume = values.resume === true;
      output.notes.progress(() => `connecting to ${target}`);
      const { connection, resumption } = await open(address, { ...options, capture }, { milliseconds, resume });
      output.notes.clearProgress();
      const { problem, socket } = connection;
      if (values.json) output.json(peerAsJson(connection, resumption));
      else reportPeer(output.notes, connection, resumption);
      if (problem && !values.insecure) {
        socket.destroy();
        throw new CommandError(`${target} is not to be trusted: ${problem.code}`, adviceOn(problem));
      }
      if (values.json) await end(connection);
      else await talk(connection, output, { crlf: values.crlf === true, wait: values.wait === true });
      return ExitCode.done;
    } finally {
      await capture?.close();
    }
  },
});

async function open(
  address: Address,
  options: ConnectOptions,
  { milliseconds, resume }: { milliseconds: number; resume: boolean },
): Promise<{ connection: ClientConnection; resumption: Resumption | undefined }> {
  if (!resume) return { connection: await openClient(address, options, { milliseconds }), resumption: undefined };
  let session: Buffer | undefined;
  const first = await openClient(address, options, {
    milliseconds,
    onSocket: (socket) => {
      socket.on('session', (told: Buffer) => {
        session = told;
      });
    },
  });
  // RFC 8446 §4.6.1: tickets come after the handshake, when the server likes.
  const told = Promise.race([once(first.socket, 'session'), once(first.socket, 'close'), patience()]);
  if (session === undefined) await told.catch(() => {});
  await end(first);
  const resumption = { full: first.timing.tls, offered: session !== undefined };
  return { connection: await openClient(address, { ...options, session }, { milliseconds }), resumption };
}

function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ticketPatience).unref();
  });
}

async function end({ socket }: ClientConnection): Promise<void> {
  if (socket.closed) return;
  const closed = once(socket, 'close').catch(() => {});
  socket
    .on('error', () => {})
    .resume()
    .end();
  // A server that does not answer a close_notify is left.
  setTimeout(() => socket.destroy(), ticketPatience).unref();
  await closed;
}

/** Until either side ends. Rejects when the connection breaks. */
async function talk(
  { socket, address }: ClientConnection,
  { stdin, stdout, notes }: Output,
  { crlf, wait }: { crlf: boolean; wait: boolean },
): Promise<void> {
  if (stdin.isTTY) notes.line('\nWhat you type is sent; Ctrl-D ends it.');
  const source = crlf ? stdin.pipe(new CarriageReturns()) : stdin;
  source.pipe(socket, { end: !wait });
  socket.pipe(stdout, { end: false });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => resolve());
    });
  } catch (error) {
    throw explainSystemError(error, `${address.host}:${address.port}`) ?? error;
  } finally {
    // Nobody is left to send it to.
    source.unpipe(socket);
    stdin.destroy();
  }
  if (!socket.closeNotifyReceived) notes.line('The server ended without saying so: something may be missing.');
}

/** Line ends as protocols have them, where they are not so already. */
class CarriageReturns extends Transform {
  #last = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const parts: Buffer[] = [];
    let start = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
      const before = at > 0 ? chunk[at - 1] : this.#last;
      if (before === carriageReturn) continue;
      parts.push(chunk.subarray(start, at), Buffer.of(carriageReturn));
      start = at;
    }
    this.#last = chunk.at(-1) ?? this.#last;
    done(null, Buffer.concat([...parts, chunk.subarray(start)]));
  }
}

const lineFeed = 10;
const carriageReturn = 13;
const ticketPatience = 2_000;
