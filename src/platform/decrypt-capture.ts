import { CaptureDecryption } from '../capture/capture-decryption.ts';
import { CaptureReader } from '../capture/capture-reader.ts';
import type {
  ConversationFacts,
  ConversationProblem,
  DecryptedRecord,
  DecryptionEvent,
} from '../capture/conversation.ts';
import { readExportedKeys } from '../capture/exported-keys.ts';
import { KeyLog, maxCapturedSecrets } from '../capture/key-log.ts';
import type { CaptureSecrets, ExportedEpoch } from '../capture/secrets.ts';
import type { Unused } from '../capture/unused.ts';
import { captureCryptography, premasterOpener } from './capture-cryptography.ts';
import { type CapturePieces, type CaptureSource, DamagedCapture, piecesOf } from './capture-source.ts';

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
  const secrets = await gatherSecrets(pieces, options);
  const decryption = new CaptureDecryption(captureCryptography, secrets, { addsSecrets: !pieces.mayRepeat });
  try {
    if (secrets.keyLog.malformed > 0) {
      const reason = `${secrets.keyLog.malformed} lines of key logs are malformed, and were not used`;
      yield { kind: 'captureProblem', reason };
    }
    try {
      for await (const chunk of pieces.read()) yield* decryption.push(chunk);
    } catch (error) {
      if (!(error instanceof DamagedCapture)) throw error;
      yield* decryption.break(error.message);
    }
    yield* decryption.end();
  } finally {
    decryption.dispose();
    secrets.keyLog.dispose();
    for (const epochs of secrets.exported.values()) epochs.forEach(wipe);
  }
}

/** A file's own secrets may stand behind the packets that need them, so they are looked for first, in what can be read twice. */
async function gatherSecrets(
  pieces: CapturePieces,
  { keyLog, keys, privateKey }: DecryptOptions,
): Promise<CaptureSecrets> {
  const all = new KeyLog();
  if (keyLog !== undefined) all.add(textOf(keyLog));
  const exported = new Map<string, readonly ExportedEpoch[]>();
  for (const connection of keys === undefined ? [] : readExportedKeys(keys)) {
    all.add(connection.keyLog);
    const known = exported.get(connection.clientRandom) ?? [];
    exported.set(connection.clientRandom, [...known, ...connection.epochs]);
  }
  const privateKeys = [privateKey ?? []].flat().map(premasterOpener);
  const reader = new CaptureReader();
  try {
    for await (const chunk of pieces.mayRepeat ? pieces.read() : []) {
      for (const item of reader.push(chunk))
        if (item.kind === 'keyLog') all.add(textOf(item.bytes), maxCapturedSecrets);
      if (!reader.mayHoldSecrets) break;
      reader.retain();
    }
  } catch (error) {
    // The second time it is told.
    if (!(error instanceof DamagedCapture)) throw error;
  }
  return { keyLog: all, exported, privateKeys };
}

function textOf(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : new TextDecoder().decode(text);
}

function wipe({ keys, trafficSecret }: ExportedEpoch): void {
  keys.key.fill(0);
  keys.iv.fill(0);
  trafficSecret?.fill(0);
}
