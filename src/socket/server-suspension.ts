import type { Engine } from '../engine/engine.ts';
import { OpenSSLError } from '../engine/openssl-error.ts';
import type { Suspended } from '../engine/outputs.ts';
import { multipleCallback, socketClosed } from './node-errors.ts';
import { isSecureContext, type SecureContext } from './secure-context.ts';
import { sessionScope } from './session-scope.ts';
import { engineContext, type TLSSocketOptions } from './tls-socket-options.ts';

interface Handshake {
  readonly engine: Engine;
  readonly options: TLSSocketOptions;
  readonly socket: object;
  /** The name in the hello is known. */
  readonly named: (servername: string) => void;
  readonly destroyed: () => boolean;
  readonly fail: (error: unknown) => void;
  readonly resume: () => void;
}

/** A server's handshake waits for its application: asks it, and goes on with the answer. */
export function answerSuspension(suspended: Suspended, handshake: Handshake): void {
  if (suspended.for === 'hello') lookUpSession(suspended, handshake);
  else staple(suspended.wantsOcsp, handshake);
}

/** The events are in the order of node:tls: first the session is looked up, then a context chosen. Whether they go together OpenSSL sees. */
function lookUpSession(hello: Suspended & { for: 'hello' }, handshake: Handshake): void {
  const { engine } = handshake;
  const { sessionId, hasTicket } = hello;
  const next = (): void => chooseContext(hello.serverName, handshake);
  const answer = once<Uint8Array>(handshake, (session) => {
    if (session) offer(engine, session);
    next();
  });
  // A ticket holds its session itself; without an id there is nothing to look up.
  const asked = sessionId.length > 0 && !hasTicket;
  if (!asked || !emit(handshake, answer, 'resumeSession', Buffer.from(sessionId), answer)) next();
}

/** A session that cannot be read is none: a new one is made, as in node:tls. */
function offer(engine: Engine, session: Uint8Array): void {
  try {
    engine.offerSession(session);
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
  }
}

/**
 * Before OpenSSL looks at the client's session, and also where that is resumed, which node:tls does not ask for: the context says whose
 * sessions may be.
 */
function chooseContext(servername: string, handshake: Handshake): void {
  const { engine, options, resume } = handshake;
  if (servername) handshake.named(servername);
  if (!servername || !options.SNICallback) {
    resume();
    return;
  }
  const answer = once<unknown>(handshake, (chosen) => {
    const context = contextOf(chosen);
    if (context) engine.setContext(engineContext(options, context), sessionScope(options, context));
    resume();
  });
  try {
    Reflect.apply(options.SNICallback, handshake.socket, [servername, answer]);
  } catch (error) {
    handshake.fail(error);
  }
}

function staple(wantsOcsp: boolean, handshake: Handshake): void {
  const { engine, options, resume } = handshake;
  const answer = once<Uint8Array>(handshake, (response) => {
    if (response) engine.setOcspResponse(response);
    resume();
  });
  const asked = wantsOcsp && options.server && options.server.listenerCount('OCSPRequest') > 0;
  const [own, issuer] = (['own', 'issuer'] as const).map((which) =>
    asked ? engine.context.certificate(which) : undefined,
  );
  if (!asked || !emit(handshake, answer, 'OCSPRequest', orNull(own), orNull(issuer), answer)) resume();
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
function emit({ options }: Handshake, failed: (error: Error) => void, event: string, ...args: unknown[]): boolean {
  try {
    return options.server ? Reflect.apply(options.server.emit, options.server, [event, ...args]) : false;
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
    return true;
  }
}

/** A callback (error, answer) that may be called once, and while the socket lives. */
function once<Answer>(handshake: Handshake, use: (answer: Answer | null | undefined) => void) {
  let called = false;
  return (error: Error | null, answer?: Answer | null): void => {
    if (called) {
      handshake.fail(multipleCallback());
      return;
    }
    called = true;
    if (error) handshake.fail(error);
    else if (handshake.destroyed()) handshake.fail(socketClosed());
    else {
      try {
        use(answer);
      } catch (thrown) {
        handshake.fail(thrown);
      }
    }
  };
}
