import type { PeerCertificate } from 'node:tls';
import type { Connection } from '../connection/connection.ts';
import type { Failure } from '../connection/events.ts';
import { replaceable } from '../context/replaceable.ts';
import { echRejected } from '../errors/codes.ts';
import { asError } from './handshake-answers.ts';
import { peerCertificate } from './negotiated.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';
import { asBuffer } from './written-chunks.ts';

/** Client: the error where a handshake ended because its encrypted hello was not accepted (RFC 9849 §6.1.6); undefined for other failures. */
export function echRejection(failure: Failure, connection: Connection, options: TLSSocketOptions): Error | undefined {
  if (failure.by !== 'openssl' || !failure.entries.some(({ reason }) => reason === 'ech required')) return undefined;
  const { ech } = connection.inspection;
  if (ech?.status !== 'rejected') return undefined;
  const { verifyResult, verifyText } = connection.negotiated;
  const { outerServerName, retryConfigs } = ech;
  const refusal = retryConfigs && refusalOf(connection, outerServerName, options);
  return echRejected({
    outerServerName,
    retryConfigs: refusal ? undefined : retryConfigs && asBuffer(retryConfigs),
    verifyText: refusal?.message ?? (verifyResult === 0 ? undefined : verifyText),
    alert: failure.alert,
    cause: refusal,
  });
}

/**
 * Whom OpenSSL trusts for the outer name may be one whom the application does not: with the keys that it gives, it would read the inner name of
 * the next hello (RFC 9849 §6.1.7).
 */
function refusalOf(
  connection: Connection,
  name: string | undefined,
  { checkServerIdentity = replaceable.checkServerIdentity }: TLSSocketOptions,
): Error | undefined {
  if (name === undefined) return new Error('there is no outer name to be proved');
  const certificate = peerCertificate(connection, true);
  try {
    return checkServerIdentity(name, isCertificate(certificate) ? certificate : Object.create(null));
  } catch (thrown) {
    return asError(thrown);
  }
}

function isCertificate(certificate: object): certificate is PeerCertificate {
  return 'raw' in certificate;
}
