import type net from 'node:net';
import type tls from 'node:tls';
import type { EngineContext } from '../engine/context.ts';
import { Engine, offloadable } from '../engine/engine.ts';
import { OpenSSLError } from '../engine/openssl-error.ts';
import { codedError } from '../errors.ts';
import type { KtlsOptions } from './ktls-options.ts';
import { replaceable } from './replaceable.ts';
import { isSecureContext, type SecureContext } from './secure-context.ts';
import { sessionScope } from './session-scope.ts';

/** Any SecureContext, for the compiler; only ours can be used. */
type NodeContext = tls.SecureContext;

/** Who is told of a chosen context: node:tls's SNICallback. */
export type ChosenContext = (error: Error | null, context?: NodeContext) => void;

/** The part of net.Server and of our own that a socket of it needs. */
type OwningServer = Pick<net.Server, 'emit' | 'listenerCount'>;

/** node:tls's options, documented or only used, and {@link KtlsOptions}. */
export interface TLSSocketOptions extends Omit<tls.TLSSocketOptions, 'server' | 'pskCallback'>, KtlsOptions {
  server?: OwningServer | undefined;
  pskCallback?: ((...args: never[]) => unknown) | undefined;
  pskIdentityHint?: string | undefined;
  servername?: string | undefined;
  allowHalfOpen?: boolean | undefined;
  highWaterMark?: number | undefined;
  signal?: AbortSignal | undefined;
  onread?: net.OnReadOpts | undefined;
  pauseOnConnect?: boolean | undefined;
  keepAliveInitialDelay?: number | undefined;
  /** The old name of `secureContext`. */
  credentials?: NodeContext | undefined;
}

/** An engine as the options want it, ready to start. `alpn` in wire format. */
export function makeEngine(options: TLSSocketOptions, alpn: Uint8Array | undefined): Engine {
  const isServer = options.isServer === true;
  const ciphers = options.portableLayer === 'wasm' ? [] : Object.values(offloadable);
  const engine = new Engine(engineContext(options), { isServer, offload: { read: ciphers, write: ciphers } });
  if (alpn && alpn.length > 0) engine.setAlpn(alpn);
  if (isServer) {
    engine.setSessionIdContext(sessionScope(options));
    if (options.requestCert) engine.requestCertificate(options.rejectUnauthorized === true);
    if (options.pskIdentityHint) setHint(engine, options.pskIdentityHint);
  } else {
    if (options.requestOCSP) engine.requestOcsp();
    if (options.session) engine.setSession(options.session);
  }
  return engine;
}

/** Text of C's, as for node:tls: it ends at a zero byte. */
function setHint(engine: Engine, hint: string): void {
  const [text = ''] = hint.split('\0', 1);
  try {
    engine.setPskHint(text);
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
    throw codedError('ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED', 'Failed to set PSK identity hint');
  }
}

/** The engine's side of the options' context. Throws ERR_TLS_INVALID_CONTEXT for what is none. */
export function engineContext(options: TLSSocketOptions, chosen?: SecureContext): EngineContext {
  const context = chosen ?? options.secureContext ?? replaceable.createSecureContext(options);
  if (!isSecureContext(context)) {
    throw codedError('ERR_TLS_INVALID_CONTEXT', 'context must be a SecureContext');
  }
  const isServer = options.isServer === true;
  return context.for({ verifiesPeer: !isServer || options.requestCert === true, isServer });
}
