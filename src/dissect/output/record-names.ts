import { ContentType, type ContentTypeByte } from '../../protocol/content-type.ts';
import type { DecryptedRecord } from '../conversation.ts';

/** A content type's name, as the RFCs write it. */
export function contentTypeName(type: ContentTypeByte): string {
  return contentTypes.get(type) ?? `type ${type}`;
}

/** Which keys protect a record, in a word or two; nothing if that is not known. */
export function protectionText({ protection, epoch }: Pick<DecryptedRecord, 'protection' | 'epoch'>): string {
  if (protection === 'application') return `epoch ${epoch}`;
  return { none: 'clear', early: 'early data', handshake: 'handshake', unknown: '' }[protection ?? 'unknown'];
}

/** A handshake type's name (RFC 8446 §4, RFC 5246 §7.4). */
export function handshakeTypeName(type: number): string {
  return handshakeTypes.get(type) ?? `message ${type}`;
}

/** What an alert says; undefined if it is not two bytes. */
export function alertText(fragment: Uint8Array): string | undefined {
  const [level, description] = fragment;
  if (fragment.length !== 2 || description === undefined) return undefined;
  const name = alerts.get(description) ?? `alert ${description}`;
  return level === 2 ? `fatal ${name}` : name;
}

const contentTypes = new Map<number, string>([
  [ContentType.changeCipherSpec, 'change_cipher_spec'],
  [ContentType.alert, 'alert'],
  [ContentType.handshake, 'handshake'],
  [ContentType.applicationData, 'application_data'],
]);

const handshakeTypes = new Map<number, string>([
  [0, 'HelloRequest'],
  [1, 'ClientHello'],
  [2, 'ServerHello'],
  [4, 'NewSessionTicket'],
  [5, 'EndOfEarlyData'],
  [8, 'EncryptedExtensions'],
  [11, 'Certificate'],
  [12, 'ServerKeyExchange'],
  [13, 'CertificateRequest'],
  [14, 'ServerHelloDone'],
  [15, 'CertificateVerify'],
  [16, 'ClientKeyExchange'],
  [20, 'Finished'],
  [22, 'CertificateStatus'],
  [24, 'KeyUpdate'],
  [25, 'CompressedCertificate'],
]);

/** RFC 8446 §6, with those of TLS 1.2 that are still sent. */
const alerts = new Map<number, string>([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [22, 'record_overflow'],
  [40, 'handshake_failure'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [90, 'user_canceled'],
  [100, 'no_renegotiation'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [112, 'unrecognized_name'],
  [116, 'certificate_required'],
  [120, 'no_application_protocol'],
]);
