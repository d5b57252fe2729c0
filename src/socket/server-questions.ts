import type { Question } from '../connection/handshake.ts';
import type { ControlledHandshake } from '../context/handshake.ts';
import { multipleCallback, socketClosed } from '../context/node-errors.ts';
import { isSecureContext, type SecureContext } from '../context/secure-context.ts';
import { sessionScope } from '../context/session-scope.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';

interface Asked {
  readonly handshake: ControlledHandshake;
  readonly options: TLSSocketOptions;
  readonly socket: object;
  /** The name in the hello is known. */
  readonly named: (servername: string) => void;
  readonly destroyed: () => boolean;
  readonly fail: (error: unknown) => void;
  readonly resume: () => void;
}

/** A server's handshake waits for its application: asks it, and goes on with the answer. */
export function answerQuestion(question: Question, asked: Asked): void {
  if (question.about === 'hello') lookUpSession(question, asked);
  else staple(question.wantsOcsp, asked);
}

/** The events are in the order of node:tls: first the session is looked up, then a context chosen. Whether they go together OpenSSL sees. */
function lookUpSession(hello: Question & { about: 'hello' }, asked: Asked): void {
  const { sessionId, hasTicket } = hello;
  const next = (): void => chooseContext(hello.serverName, asked);
  const answer = once<Uint8Array>(asked, (session) => {
    if (session) asked.handshake.offerSession(session);
    next();
  });
  // A ticket holds its session itself; without an id there is nothing to look up.
  const isLookedUp = sessionId.length > 0 && !hasTicket;
  if (!isLookedUp || !emit(asked, answer, 'resumeSession', Buffer.from(sessionId), answer)) next();
}

/**
 * Before OpenSSL looks at the client's session, and also where that is resumed, which node:tls does not ask for: the context says whose
 * sessions may be.
 */
function chooseContext(servername: string, asked: Asked): void {
  const { options, resume } = asked;
  if (servername) asked.named(servername);
  if (!servername || !options.SNICallback) {
    resume();
    return;
  }
  const answer = once<unknown>(asked, (chosen) => {
    const context = contextOf(chosen);
    if (context) asked.handshake.chooseContext(context, sessionScope(options, context));
    resume();
  });
  try {
    Reflect.apply(options.SNICallback, asked.socket, [servername, answer]);
  } catch (error) {
    asked.fail(error);
  }
}

function staple(wantsOcsp: boolean, asked: Asked): void {
  const { handshake, options, resume } = asked;
  const answer = once<Uint8Array>(asked, (response) => {
    if (response) handshake.staple(response);
    resume();
  });
  const isHeard = wantsOcsp && options.server && options.server.listenerCount('OCSPRequest') > 0;
  const [own, issuer] = (['own', 'issuer'] as const).map((which) =>
    isHeard ? handshake.certificate(which) : undefined,
  );
  if (!isHeard || !emit(asked, answer, 'OCSPRequest', orNull(own), orNull(issuer), answer)) resume();
}

function orNull(der: Uint8Array | undefined): Buffer | null {
  return der ? Buffer.from(der) : null;
}

/** node:tls takes a SecureContext, or what is in its property `context`. */
function contextOf(chosen: unknown): SecureContext | undefined {
  if (chosen === null || chosen === undefined) return undefined;
  if (isSecureContext(chosen)) return chosen;
  const inner: unknown = typeof chosen === 'object' ? Reflect.get(chosen, 'context') : undefined;
  if (isSecureContext(inner)) return inner;
  // node:tls gives it no code.
  throw new TypeError('Invalid SNI context');
}

/** Tells the server's listeners; false when there are none. */
function emit({ options }: Asked, failed: (error: Error) => void, event: string, ...args: unknown[]): boolean {
  try {
    return options.server ? Reflect.apply(options.server.emit, options.server, [event, ...args]) : false;
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    return true;
  }
}

/** A callback (error, answer) that may be called once, and while the socket lives. */
function once<Answer>(asked: Asked, use: (answer: Answer | null | undefined) => void) {
  let called = false;
  return (error: Error | null, answer?: Answer | null): void => {
    if (called) {
      asked.fail(multipleCallback());
      return;
    }
    called = true;
    if (error) asked.fail(error);
    else if (asked.destroyed()) asked.fail(socketClosed());
    else {
      try {
        use(answer);
      } catch (thrown) {
        asked.fail(thrown);
      }
    }
  };
}
