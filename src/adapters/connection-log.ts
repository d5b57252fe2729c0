import { writeSync } from 'node:fs';
import { subscribe } from '../observe/channels.ts';
import { isServerSide } from '../socket/tls-socket.ts';
import { TLSSocket } from '../tls.ts';

/** From here on one line on stderr for each connection: who, version, suite, record layers and why not the kernel. */
export function logConnections(): void {
  subscribe('secure', ({ socket }) => {
    if (socket instanceof TLSSocket) logSecure(socket);
  });
  subscribe('failed', ({ socket, error }) => {
    if (socket instanceof TLSSocket && socket.secureConnecting) logFailure(socket, error);
  });
}

function logSecure(socket: TLSSocket): void {
  const who = names(socket);
  const negotiated = `${socket.getProtocol()} ${socket.getCipher().standardName}`;
  // The last keys of a handshake may be on their way to the kernel.
  setImmediate(() => {
    if (failed.has(socket)) return;
    const { read, write, reason } = socket.recordLayer;
    const sends = because(write, reason.write);
    const receives = because(read, reason.read);
    const layers = sends === receives ? `sends and receives by ${sends}` : `sends by ${sends}, receives by ${receives}`;
    log(`${who}: ${negotiated}, ${layers}`);
  });
}

function because(layer: string, reason: string | undefined): string {
  return reason === undefined ? layer : `${layer} (${reason})`;
}

function logFailure(socket: TLSSocket, error: unknown): void {
  failed.add(socket);
  const code: unknown = error instanceof Error && Reflect.get(error, 'code');
  log(`${names(socket)}: failed, ${code || error}`);
}

function names(socket: TLSSocket): string {
  const peer = socket.remoteAddress === undefined ? 'a stream' : `${socket.remoteAddress}:${socket.remotePort}`;
  const name = socket.servername ? ` (${socket.servername})` : '';
  return isServerSide(socket) ? `server of ${peer}${name}` : `client of ${peer}${name}`;
}

/** One line for a file: how much of it was sent without being read and, if that was not all, why. */
export function logFile(path: unknown, sent: number, refusal: { readonly refused: string } | undefined): void {
  log(`file ${String(path)}: ${sent} bytes sent${refusal ? `, then read: ${refusal.refused}` : ''}`);
}

/** At once, since the process may end; in a worker, too. */
function log(line: string): void {
  try {
    writeSync(process.stderr.fd, `ktls ${line}\n`);
  } catch {
    // Nobody reads it.
  }
}

/** Between the handshake and its line, a client may have found its server not to be trusted. */
const failed = new WeakSet<TLSSocket>();
