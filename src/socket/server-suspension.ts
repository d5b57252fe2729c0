import type { Engine } from '../engine/engine.ts';
import { OpenSSLError } from '../engine/openssl-error.ts';
import type { Suspended } from '../engine/outputs.ts';
import { multipleCallback, socketClosed } from './node-errors.ts';
import { isSecureContext, type SecureContext } from './secure-context.ts';
import { engineContext, type TLSSocketOptions } from './tls-socket-options.ts';

interface Handshake {
  readonly engine: Engine;
  readonly options: TLSSocketOptions;
  readonly destroyed: () => boolean;
  readonly fail: (error: unknown) => void;
  readonly resume: () => void;
}

/** A server's handshake waits for its application: asks it, and goes on with the answer. */
export function answerSuspension(suspended: Suspended, handshake: Handshake): void {
  if (suspended.for === 'session') lookUpSession(suspended, handshake);
  else chooseCertificate(suspended, handshake);
}

function lookUpSession({ sessionId, hasTicket }: Suspended & { for: 'session' }, handshake: Handshake): void {
  const { engine, resume } = handshake;
  const answer = once<Uint8Array>(handshake, (session) => {
    if (session) offer(engine, session);
    resume();
  });
  // A ticket holds its session itself; without an id there is nothing to look up.
  const asked = sessionId.length > 0 && !hasTicket;
  if (!asked || !emit(handshake, answer, 'resumeSession', Buffer.from(sessionId), answer)) resume();
}

/** A session that cannot be read is none: a new one is made, as in node:tls. */
function offer(engine: Engine, session: Uint8Array): void {
  try {
    engine.offerSession(session);
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
  }
}

function chooseCertificate({ wantsOcsp }: Suspended & { for: 'certificate' }, handshake: Handshake): void {
  const { engine, options } = handshake;
  const servername = engine.serverName;
  if (!servername || !options.SNICallback) {
    staple(wantsOcsp, undefined, handshake);
    return;
  }
  const answer = once<unknown>(handshake, (chosen) => {
    const context = contextOf(chosen);
    if (context) engine.setContext(engineContext(options, context));
    staple(wantsOcsp, context, handshake);
  });
  try {
    options.SNICallback(servername, answer);
  } catch (error) {
    handshake.fail(error);
  }
}

function staple(wantsOcsp: boolean, chosen: SecureContext | undefined, handshake: Handshake): void {
  const { engine, options, resume } = handshake;
  const context = chosen ?? contextOf(options.secureContext);
  const answer = once<Uint8Array>(handshake, (response) => {
    if (response) engine.setOcspResponse(response);
    resume();
  });
  const asked = wantsOcsp && context && options.server && options.server.listenerCount('OCSPRequest') > 0;
  if (!asked || !emit(handshake, answer, 'OCSPRequest', context.getCertificate(), context.getIssuer(), answer))
    resume();
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
