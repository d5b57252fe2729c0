import type {
  ConversationFacts,
  ConversationProblem,
  DecryptedRecord,
  DecryptionEvent,
} from '../dissect/conversation.ts';
import { decryptPieces } from '../dissect/decrypt-pieces.ts';
import type { Unused } from '../dissect/unused.ts';
import { captureCryptography, premasterOpener } from './capture-cryptography.ts';
import { type CaptureSource, piecesOf } from './capture-source.ts';

export interface DecryptOptions {
  /** The text of a key log (SSLKEYLOGFILE, RFC 9850). A pcapng file's own secrets are used too. */
  readonly keyLog?: string | Uint8Array | undefined;
  /** What exportKeys() gave, or the same from JSON: one connection, or an array of them. */
  readonly keys?: unknown;
  /** The server's RSA key, or several, in PEM or DER: for connections whose premaster secret was encrypted for it. */
  readonly privateKey?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
}

/** A TLS connection of a capture. */
export interface Conversation extends Readonly<ConversationFacts> {
  /** In the order of the capture. */
  readonly records: readonly DecryptedRecord[];
  /** What could not be done. */
  readonly problems: readonly ConversationProblem[];
}

/** All that a capture came to. */
export interface DecryptedCapture {
  readonly conversations: readonly Conversation[];
  /** What of the file could not be used. */
  readonly problems: readonly string[];
  /** What there was besides TLS connections: packets of other protocols, and such that cannot be looked into. */
  readonly unused: readonly Unused[];
}

/**
 * Decrypts the TLS connections of a capture (TLS 1.0 to 1.3). All of it is kept: for captures that are larger than memory there is
 * {@link decryptEvents}. Secrets that do not fit and bytes that are missing or malformed are problems in the result. Rejects with a system
 * error if the file cannot be read, and with a TypeError
 * (ERR_INVALID_ARG_VALUE) if `keys` is not what exportKeys() gives.
 */
export async function decrypt(capture: CaptureSource, options: DecryptOptions = {}): Promise<DecryptedCapture> {
  const conversations = new Map<
    Readonly<ConversationFacts>,
    { records: DecryptedRecord[]; problems: ConversationProblem[] }
  >();
  const problems: string[] = [];
  const unused: Unused[] = [];
  for await (const event of decryptEvents(capture, options)) {
    if (event.kind === 'captureProblem') {
      problems.push(event.reason);
      continue;
    }
    if (event.kind === 'unused') {
      unused.push(...event.unused);
      continue;
    }
    const found = conversations.get(event.conversation) ?? { records: [], problems: [] };
    conversations.set(event.conversation, found);
    if (event.kind === 'record') found.records.push(event.record);
    if (event.kind === 'problem') found.problems.push(event.problem);
  }
  return { conversations: [...conversations].map(([facts, found]) => ({ ...facts, ...found })), problems, unused };
}

/** The same, event by event, in memory that does not grow with the capture. */
export async function* decryptEvents(
  capture: CaptureSource,
  options: DecryptOptions = {},
): AsyncGenerator<DecryptionEvent, void> {
  const pieces = await piecesOf(capture);
  const { keyLog, keys, privateKey = [] } = options;
  const privateKeys = [privateKey].flat().map(premasterOpener);
  yield* decryptPieces(pieces, captureCryptography, { keyLog, keys, privateKeys });
}
