import type { Connection } from '../connection/connection.ts';
import { apart } from '../errors/apart.ts';
import { codedError } from '../errors/coded.ts';
import { type FileWay, hasFile, sendWithFiles } from './send-file.ts';
import { TakenAtOnce } from './taken-at-once.ts';
import type { ToldSocket } from './told-socket.ts';
import { canceledWrite, failedWrite } from './write-errors.ts';
import { gather, giveBack } from './written-chunks.ts';

/** Told once what was written has gone, or why it has not. */
export type WriteDone = (error?: Error | null) => void;

/** What an application writes: it waits until the handshake is done and its listeners know, and goes through the connection from then on. */
export class SocketWrites {
  /** Bytes of plaintext. */
  bytes = 0;
  /** Those of them that were of files, by how they went. */
  readonly fileBytes: Record<FileWay, number> = { sendfile: 0, read: 0 };
  readonly #socket: ToldSocket;
  #connection: Connection | undefined;
  /** A stream writes one after the other, and ends after the last. */
  #waiting: { readonly chunks: readonly Uint8Array[]; readonly done: WriteDone } | undefined;
  #finish: WriteDone | undefined;
  /** Writes past the stream that have not gone. */
  #past = 0;
  /** Since something was received. */
  #hasWritten = false;
  readonly #taken = new TakenAtOnce();
  /** The handshake's failure, to be told to the write that waits. */
  #failure: Error | undefined;

  constructor(socket: ToldSocket) {
    this.#socket = socket;
  }

  /** Whether there is a write that waits for {@link release}. */
  get waits(): boolean {
    return this.#waiting !== undefined;
  }

  /** What was written has not all gone, in the stream or past it. */
  get hasUnsent(): boolean {
    return this.#socket.writableLength > 0 || this.#past > 0;
  }

  /** The handshake is done: what comes goes through `connection`, once the socket is not `secureConnecting` any more. */
  secure(connection: Connection): void {
    this.#connection = connection;
  }

  /** What waits goes. */
  release(connection: Connection): void {
    const { chunks, done } = this.#waiting ?? {};
    this.#waiting = undefined;
    if (chunks && done) this.write(chunks, done);
    const finish = this.#finish;
    this.#finish = undefined;
    if (finish) connection.close(() => finish());
  }

  /** Answers whether it is on its way: otherwise it waits. */
  write(chunks: readonly Uint8Array[], done: WriteDone): boolean {
    const connection = this.#connection;
    if (!connection || this.#socket.secureConnecting) {
      this.#waiting = { chunks, done };
      return false;
    }
    if (hasFile(chunks)) this.#sendFiles(connection, chunks, done);
    else this.#send(connection, chunks, done);
    // Behind the work: what the system has taken at once has gone by now.
    this.#socket._unrefTimer();
    return true;
  }

  /**
   * Of somebody in front of the stream, past it: `done` may be told before this returns. False where only the stream can write, as it has
   * something to write itself.
   */
  writePast(parts: readonly Uint8Array[], done: WriteDone): boolean {
    const [connection, socket] = [this.#connection, this.#socket];
    if (!connection || socket.secureConnecting || socket.writableLength > 0 || socket.writableEnded) return false;
    for (const { length } of parts) this.bytes += length;
    this.#past++;
    let isAtOnce = true;
    connection.write(parts, (error) => {
      // What has failed has not gone, nor will it: the error of the stream below may be told only now.
      if (!error) {
        this.#past--;
        if (!isAtOnce) socket._unrefTimer();
      }
      done(error);
    });
    isAtOnce = false;
    socket._unrefTimer();
    return true;
  }

  /** Ends this side's half. `isOver`: there is nobody to tell any more. */
  end(done: WriteDone, isOver: boolean): void {
    if (this.#connection) this.#connection.close(() => done());
    else if (isOver) done();
    else this.#finish = done;
  }

  /** What comes next is no answer to anything yet. */
  received(): void {
    this.#hasWritten = false;
  }

  /** The handshake has failed. Answers what the socket is to be destroyed with: a write that waits is told that it was its failure. */
  failed(error: Error, isNegotiation: boolean): Error {
    this.#failure = isNegotiation && this.#waiting && !this.#connection ? failedWrite(error) : undefined;
    return this.#failure ?? error;
  }

  /** Nothing more goes out. Answers what tells the write that waits. */
  dispose(): (() => void) | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return undefined;
    const failure = this.#socket.connecting ? tooEarly() : (this.#failure ?? canceledWrite());
    return () => waiting.done(failure);
  }

  #sendFiles(connection: Connection, chunks: readonly Uint8Array[], done: WriteDone): void {
    const sent = (bytes: number, way?: FileWay): void => {
      this.bytes += bytes;
      if (way) this.fileBytes[way] += bytes;
      this.#socket._unrefTimer();
    };
    sendWithFiles(chunks, connection, sent).then(
      () => process.nextTick(done),
      (error) => process.nextTick(done, error),
    );
  }

  #send(connection: Connection, chunks: readonly Uint8Array[], done: WriteDone): void {
    const { parts, borrowed } = gather(chunks);
    let length = 0;
    for (const part of parts) length += part.length;
    this.bytes += length;
    if (parts.length === 0) {
      done();
      return;
    }
    // Told at once, the stream sends each small write of a turn by itself; told later, it collects what follows. An answer is alone.
    let collects = this.#hasWritten;
    let isAtOnce = true;
    this.#hasWritten = true;
    connection.write(parts, (error) => {
      giveBack(borrowed);
      if (!error && !isAtOnce) this.#socket._unrefTimer();
      // What a callback throws must not come instead of the error.
      if (error) connection.behindAnswers(() => process.nextTick(done, error));
      else if (!collects) apart(() => done());
      else if (this.#taken.endsTurn(length)) setImmediate(done, error);
      else process.nextTick(done, error);
    });
    collects = false;
    isAtOnce = false;
  }
}

function tooEarly(): Error {
  const early = 'Socket closed before the connection was established';
  return codedError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', early);
}
