import { createHash } from 'node:crypto';
import { isSecureContext, type SecureContext } from './secure-context.ts';

/** What a server demands of its clients, whatever context answers them. */
interface Server {
  readonly secureContext?: unknown;
  readonly requestCert?: boolean | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/**
 * A server's session id context, by which OpenSSL tells whether a session may be resumed (SSL_CTX_set_session_id_context(3)): the
 * server's own, and what is demanded of clients where `chosen` answers them. A session says who the client is, so that one which was
 * authenticated by other demands must not be resumed (RFC 8446 §4.6.1). Contexts that demand the same share their sessions.
 */
export function sessionScope(server: Server, chosen?: SecureContext): Uint8Array {
  const { secureContext, requestCert, rejectUnauthorized } = server;
  const own = isSecureContext(secureContext) ? secureContext : undefined;
  const context = chosen ?? own;
  const demands = requestCert ? [rejectUnauthorized ? 'required' : 'wanted', context?.demands ?? ''] : ['nothing'];
  // A chosen context without a name of its own belongs to the server.
  const parts = [context?.sessionIdContext || own?.sessionIdContext || '', ...demands];
  const text = parts.map((part) => `${part.length} ${part}`).join('');
  const scope = known.get(text) ?? createHash('sha256').update(text).digest();
  if (known.size >= mostKnown) known.clear();
  known.set(text, scope);
  return scope;
}

/** Each connection of a server asks for the same again. */
const known = new Map<string, Uint8Array>();
const mostKnown = 256;
