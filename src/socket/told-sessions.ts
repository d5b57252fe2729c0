import type { Connection } from '../connection/connection.ts';
import type { ConnectionEvent } from '../connection/events.ts';
import type { ToldSocket } from './told-socket.ts';
import { asBuffer } from './written-chunks.ts';

/** Emitted on a client's socket for each session, before it is known whether its server is to be trusted. */
export const rawSession = 'ktls:session';

/** The sessions that a handshake makes, as a socket's application gets and keeps them. */
export class ToldSessions {
  readonly #socket: ToldSocket;
  /** Client: the last that was told. */
  #last: { readonly session: Uint8Array; readonly ticket: Uint8Array } | undefined;
  /** Server: those that its listeners have not kept yet. */
  #untold = 0;
  #onAllKept = nothing;

  constructor(socket: ToldSocket) {
    this.#socket = socket;
  }

  /** The session to be resumed on another connection, for the caller to copy. */
  session({ inspection }: Connection): Uint8Array | undefined {
    return this.#last?.session ?? inspection.session;
  }

  /** The ticket of the current session (RFC 5077), for the caller to copy. */
  ticket({ inspection }: Connection): Uint8Array | undefined {
    return this.#last?.ticket ?? inspection.ticket;
  }

  /** To a client. Several may arrive at once; while one is told, it is the one. */
  tellClient({ session, ticket }: ConnectionEvent & { kind: 'session' }): void {
    this.dispose();
    this.#last = { session, ticket };
    this.#socket.emit(rawSession, asBuffer(session));
  }

  /** To a server's listeners, which keep the session before the handshake counts as done: see {@link whenKept}. */
  tellServer({ id, session }: ConnectionEvent & { kind: 'session' }): void {
    const { server } = this.#socket;
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      this.#untold--;
      if (this.#untold > 0) return;
      const onAllKept = this.#onAllKept;
      this.#onAllKept = nothing;
      onAllKept();
    };
    this.#untold++;
    let isTold = false;
    try {
      isTold = server?.emit('newSession', asBuffer(id), asBuffer(session), done) ?? false;
    } catch (error) {
      server?.emit('error', error);
    } finally {
      if (!isTold) done();
    }
  }

  /** Calls back once no listener has a session to keep: at once where none has. */
  whenKept(callback: () => void): void {
    if (this.#untold === 0) callback();
    else this.#onAllKept = callback;
  }

  dispose(): void {
    this.#last?.session.fill(0);
  }
}

function nothing(): void {}
