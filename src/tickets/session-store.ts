import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { checkInteger } from '../errors/checks.ts';
import { typeError } from '../errors/coded.ts';
import { ticketStoreFailed } from '../errors/codes.ts';
import { publish } from '../observe/channels.ts';
import { ClientDemands } from './client-demands.ts';
import { checkPrefix } from './keyring.ts';
import { SealedStore, secretIn } from './sealed-store.ts';
import { type SharedStore, within } from './shared-store.ts';

/** Options of {@link storeSessions}. */
export interface SessionStoreOptions {
  /** Where the sessions are kept: `redisStore(client)` and its like. */
  readonly store: SharedStore;
  /** Seals them there: at least 16 bytes of chance, the same for all who share them. A session has the secrets of its connections. */
  readonly secret?: string | NodeJS.ArrayBufferView | import('node:crypto').KeyObject;
  /** What names in the store begin with. Letters, digits and `_.:-`, at most 64. Default 'ktls'. */
  readonly prefix?: string | undefined;
  /** Milliseconds for which a session is kept, 1,000 to 604,800,000. Default: the server's `sessionTimeout`, or 300,000. */
  readonly keepFor?: number | undefined;
  /** Milliseconds that a handshake waits for the store, at most. Default 250; behind it, the handshake is a whole one. */
  readonly storeTimeout?: number | undefined;
  /** Is told what fails: the error's code is ERR_KTLS_TICKET_STORE. The handshake goes on without the store. */
  readonly onFailed?: ((error: Error) => void) | undefined;
}

/** What {@link storeSessions} answers. */
export interface SessionStoring extends Disposable {
  /** Stores and looks up no more. */
  stop(): void;
}

/**
 * Keeps a server's sessions of TLS 1.2 for clients without tickets, by their ids, where other servers find them, too: over 'newSession' and
 * 'resumeSession' (RFC 5246 §7.3). For clients with tickets, and TLS 1.3, there is `createTicketKeyring`. What a server demands of its clients
 * (`requestCert`, `rejectUnauthorized`, `ca`, `crl`) is part of the names in the store: a session counts where the same is demanded. Of contexts for names
 * (`addContext`, `SNICallback`) with other demands, servers of node:tls say nothing: there, let those be servers of their own.
 *
 * @param server - of ktls, or of node:tls; those that share sessions have the same `sessionIdContext`
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE and ERR_OUT_OF_RANGE for options that cannot be
 * @example
 * const server = createServer({ key, cert, sessionIdContext: 'shop' });
 * storeSessions(server, { store: redisStore(client), secret: process.env.TICKET_SECRET });
 */
export function storeSessions(server: EventEmitter, options: SessionStoreOptions): SessionStoring {
  const { prefix, storeTimeout, keepFor, onFailed } = checked(server, options);
  const store = new SealedStore(options.store, secretIn(options));
  const demands = new ClientDemands(server);
  const nameOf = (id: Buffer): string =>
    `${prefix}:session:${createHash('sha256').update(demands.digest).update(id).digest('hex')}`;
  const ask = asking(storeTimeout);
  const failed = (cause: unknown): void => {
    const error = ticketStoreFailed(cause);
    onFailed?.(error);
    publish('ticketsFailed', () => ({ error }));
  };
  const onNewSession = (id: Buffer, session: Buffer, done: () => void): void => {
    // TLS 1.3 has no ids to look up.
    if (id.length > 0) ask(() => store.add(nameOf(id), session, keepFor)).catch(failed);
    // It is sealed by now, and the handshake need not wait until it is kept.
    done();
  };
  const onResumeSession = (id: Buffer, done: (error: null, session: Uint8Array | null) => void): void => {
    ask(() => store.get(nameOf(id), longestSession)).then(
      (session) => {
        done(null, session ?? null);
        session?.fill(0);
      },
      (error: unknown) => {
        // First, as what `onFailed` throws must not leave a handshake waiting.
        done(null, null);
        failed(error);
      },
    );
  };
  server.on('newSession', onNewSession).on('resumeSession', onResumeSession);
  const stop = (): void => {
    server.off('newSession', onNewSession).off('resumeSession', onResumeSession);
  };
  return { stop, [Symbol.dispose]: stop };
}

/** Asks in time, and not more than what may be without an answer: a store that hangs keeps what it was asked. */
function asking(milliseconds: number): <Answer>(question: () => Promise<Answer>) => Promise<Answer> {
  let waiting = 0;
  return async (question) => {
    if (waiting >= mostWaiting) throw new Error(`the store has not answered ${mostWaiting} questions`);
    waiting++;
    const answer = question();
    const settled = (): void => void waiting--;
    answer.then(settled, settled);
    return await within(milliseconds, () => answer);
  };
}

function checked(server: EventEmitter, options: SessionStoreOptions) {
  if (!(server instanceof EventEmitter))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "server" argument must be a server of ktls or of node:tls');
  if (typeof options !== 'object' || options === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "options" argument must be an object');
  const { prefix = 'ktls', storeTimeout = 250, keepFor = timeoutOf(server), onFailed } = options;
  checkPrefix(prefix);
  checkInteger('storeTimeout', storeTimeout, 1, 60_000);
  checkInteger('keepFor', keepFor, 1_000, 604_800_000);
  if (onFailed !== undefined && typeof onFailed !== 'function')
    throw typeError('ERR_INVALID_ARG_TYPE', 'The option onFailed must be a function');
  return { prefix, storeTimeout, keepFor, onFailed };
}

/** Bytes: OpenSSL's form of a session has the client's certificate in it. */
const longestSession = 128 * 1024;

/** So many questions may be without an answer: of more, the store is not asked. */
const mostWaiting = 1_000;

/** Milliseconds. */
function timeoutOf(server: EventEmitter): number {
  const seconds: unknown = Reflect.get(server, 'sessionTimeout');
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds * 1000, 604_800_000) : 300_000;
}
