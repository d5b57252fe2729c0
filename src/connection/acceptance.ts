import { ContentType, type ContentTypeByte } from '../protocol/content-type.ts';

/**
 * Where a connection is when a record arrives that a layer outside OpenSSL has opened:
 *
 * - `handshake`: the peer's Finished has not been verified, so nothing that it sends is its word yet;
 * - `open`: it has;
 * - `message`: it has, and a handshake message has arrived in part.
 *
 * Records before that, under no keys or under those of the handshake, OpenSSL opens and judges itself.
 */
export type Moment = 'handshake' | 'open' | 'message';

/**
 * What becomes of a record: the application gets it; OpenSSL does, which takes it or answers with the alert that belongs to it; or it is
 * refused with unexpected_message.
 */
export type Verdict = 'deliver' | 'judge' | 'refuse';

/** One row a moment, one column a content type (RFC 8446 §5.1, RFC 5246 §6.2.1). */
const acceptance: Readonly<Record<'tls12' | 'tls13', Readonly<Record<Moment, Readonly<Record<Column, Verdict>>>>>> = {
  // RFC 5246 §7.1: Finished follows ChangeCipherSpec at once. Types that nobody knows are OpenSSL's to refuse, too (§6).
  tls12: {
    handshake: {
      changeCipherSpec: 'judge',
      alert: 'judge',
      handshake: 'judge',
      applicationData: 'judge',
      other: 'judge',
    },
    open: { changeCipherSpec: 'judge', alert: 'judge', handshake: 'judge', applicationData: 'deliver', other: 'judge' },
    message: {
      changeCipherSpec: 'judge',
      alert: 'judge',
      handshake: 'judge',
      applicationData: 'judge',
      other: 'judge',
    },
  },
  // RFC 8446 §5: change_cipher_spec is never encrypted, and OpenSSL, which is told of no protection any more, would pass over it. §5.1: records
  // of other types must not stand between those of one handshake message.
  tls13: {
    handshake: {
      changeCipherSpec: 'refuse',
      alert: 'judge',
      handshake: 'judge',
      applicationData: 'judge',
      other: 'refuse',
    },
    open: {
      changeCipherSpec: 'refuse',
      alert: 'judge',
      handshake: 'judge',
      applicationData: 'deliver',
      other: 'refuse',
    },
    message: {
      changeCipherSpec: 'refuse',
      alert: 'judge',
      handshake: 'judge',
      applicationData: 'judge',
      other: 'refuse',
    },
  },
};

type Column = keyof typeof ContentType | 'other';

/** What becomes of a record of this type at this moment. */
export function verdictOn(type: ContentTypeByte, moment: Moment, isTls13: boolean): Verdict {
  return acceptance[isTls13 ? 'tls13' : 'tls12'][moment][columnOf(type)];
}

function columnOf(type: ContentTypeByte): Column {
  switch (type) {
    case ContentType.changeCipherSpec:
      return 'changeCipherSpec';
    case ContentType.alert:
      return 'alert';
    case ContentType.handshake:
      return 'handshake';
    case ContentType.applicationData:
      return 'applicationData';
    default:
      return 'other';
  }
}
