import { Alert, type AlertDescription } from '../protocol/alert.ts';
import type { RecordFault } from '../record/protection.ts';
import type { Direction, OpenSSLErrorEntry, Question } from './handshake.ts';
import type { KeyEpoch } from './key-epoch.ts';
import type { Negotiated } from './negotiated.ts';

/** What a connection tells whoever holds it, in order. Byte arrays are the receiver's own. */
export type ConnectionEvent =
  | { readonly kind: 'applicationData'; readonly bytes: Uint8Array }
  /** The handshake has ended well. Certificates have been verified but not judged. */
  | { readonly kind: 'secure'; readonly negotiated: Negotiated }
  | { readonly kind: 'session'; readonly id: Uint8Array; readonly ticket: Uint8Array; readonly session: Uint8Array }
  | { readonly kind: 'keyLog'; readonly line: string }
  /** A direction has new keys, where they are exported. */
  | (KeyEpoch & { readonly kind: 'keys' })
  /** The same without them, where that is wanted. */
  | { readonly kind: 'epoch'; readonly direction: Direction; readonly epoch: number }
  /** The handshake waits: {@link Connection.resume}. */
  | Question
  | { readonly kind: 'ocspResponse'; readonly response: Uint8Array | null }
  | { readonly kind: 'trace'; readonly text: string }
  /** The peer will send no more. */
  | { readonly kind: 'closeNotify' }
  /** Who carries the direction's records now, and why not the kernel. */
  | { readonly kind: 'recordLayer' }
  /** The connection is of no use any more; an alert has been queued where one could be sent. */
  | { readonly kind: 'failed'; readonly failure: Failure };

export type Failure =
  /** OpenSSL ended it, with an alert if the fault was the peer's, or because of the peer's alert. */
  | { readonly by: 'openssl'; readonly entries: readonly OpenSSLErrorEntry[]; readonly alert: number | undefined }
  /** A record could not be opened. */
  | (RecordFault & { readonly by: 'record' })
  /** The kernel carries a direction and cannot change its keys. */
  | { readonly by: 'rekey'; readonly reason: string }
  /** The keys of what this side sends are used up, and TLS 1.2 has no way to change them. */
  | { readonly by: 'keyUse' }
  /** Only the kernel was allowed, and it refused. */
  | { readonly by: 'required'; readonly direction: 'read' | 'write'; readonly reason: string }
  /** The system refused to send. */
  | { readonly by: 'system'; readonly error: Error };

/** The alert of a failure that nobody has told the peer of yet (RFC 8446 §6.2). Where the system cannot send, none can leave either. */
export function alertOf(failure: Failure): AlertDescription | undefined {
  switch (failure.by) {
    case 'openssl':
    case 'system':
      return undefined;
    case 'record':
      return failure.alert;
    case 'rekey':
    case 'keyUse':
    case 'required':
      return Alert.internalError;
  }
}
