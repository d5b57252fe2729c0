import { type CapturePieces, DamagedCapture } from '../pcap/capture-pieces.ts';
import { CaptureReader } from '../pcap/capture-reader.ts';
import { CaptureDecryption } from './capture-decryption.ts';
import type { DecryptionEvent } from './conversation.ts';
import type { CaptureCryptography, PremasterOpener } from './cryptography.ts';
import { KeyLog, maxCapturedSecrets } from './secrets/key-log.ts';
import { readExportedKeys } from './secrets/read-exported-keys.ts';
import type { CaptureSecrets, ExportedEpoch } from './secrets/secrets.ts';

/** The secrets that somebody gave for a capture. */
export interface GivenSecrets {
  /** The text of a key log. */
  readonly keyLog?: string | Uint8Array | undefined;
  /** What exportKeys() gave, or the same from JSON: one connection, or an array of them. */
  readonly keys?: unknown;
  readonly privateKeys?: readonly PremasterOpener[];
}

/** Decrypts a capture, event by event, whoever reads it and by whatever cryptography. */
export async function* decryptPieces(
  pieces: CapturePieces,
  cryptography: CaptureCryptography,
  given: GivenSecrets,
): AsyncGenerator<DecryptionEvent, void> {
  const secrets = await gatherSecrets(pieces, given);
  const decryption = new CaptureDecryption(cryptography, secrets, { addsSecrets: !pieces.mayRepeat });
  try {
    const { malformed } = secrets.keyLog;
    if (malformed > 0) {
      const reason = `malformed lines of key logs, which were not used: ${malformed}`;
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
  { keyLog, keys, privateKeys = [] }: GivenSecrets,
): Promise<CaptureSecrets> {
  const all = new KeyLog();
  if (keyLog !== undefined) all.add(textOf(keyLog));
  const exported = new Map<string, readonly ExportedEpoch[]>();
  for (const connection of keys === undefined ? [] : readExportedKeys(keys)) {
    all.add(connection.keyLog);
    const known = exported.get(connection.clientRandom) ?? [];
    exported.set(connection.clientRandom, [...known, ...connection.epochs]);
  }
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
