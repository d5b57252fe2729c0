import type net from 'node:net';
import type tls from 'node:tls';
import type { Ech } from '../context/ech.ts';
import { type HandshakeSetup, useOf } from '../context/handshake.ts';
import { replaceable } from '../context/replaceable.ts';
import { isSecureContext, type SecureContext } from '../context/secure-context.ts';
import { codedError } from '../errors/coded.ts';
import type { KtlsOptions } from './ktls-options.ts';

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
  /** Client: judges who proves a name, in addition to OpenSSL. */
  checkServerIdentity?: typeof tls.checkServerIdentity | undefined;
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

/** The options' context, ready for their use. Throws ERR_TLS_INVALID_CONTEXT for what is none, and what making it ready throws. */
export function preparedContext(options: TLSSocketOptions, ech: Ech | undefined): SecureContext {
  const context = options.secureContext ?? replaceable.createSecureContext(options);
  if (!isSecureContext(context)) {
    throw codedError('ERR_TLS_INVALID_CONTEXT', 'context must be a SecureContext');
  }
  context.for(useOf({ isServer: options.isServer === true, certificate: certificateOf(options), ech }));
  return context;
}

/** Whether a server asks its clients for certificates. */
export function certificateOf({ requestCert, rejectUnauthorized }: TLSSocketOptions): HandshakeSetup['certificate'] {
  if (!requestCert) return 'ignored';
  return rejectUnauthorized === true ? 'required' : 'wanted';
}
