/** What an engine puts out, as wasm/log.c writes it: a kind, a detail, a length, and bytes, entry by entry. */
type Log = Uint8Array<ArrayBuffer>;

/**
 * Whether there is something in it for the main thread: it is to be told; or it has the rest, where it is asked, and at the end, good or bad. In TLS 1.2
 * either Finished is under keys that a record layer there has.
 */
export function concerns(logs: readonly Log[]): 'nobody' | 'told' | 'rest' {
  let found: 'nobody' | 'told' = 'nobody';
  for (const { kind, entry } of entries(logs)) {
    const isForReading = kind === Kind.installKeys && entry[1] === 0;
    if (final.has(kind) || isForReading) return 'rest';
    if (told.has(kind)) found = 'told';
  }
  return found;
}

/** What is only told, and all else. */
export function splitTold(logs: readonly Log[]): { readonly toTell: Log[]; readonly others: Log[] } {
  const toTell: Log[] = [];
  const others: Log[] = [];
  for (const { kind, entry } of entries(logs)) (told.has(kind) ? toTell : others).push(entry);
  return { toTell, others };
}

/** The handshake has ended well. */
export function isDone(logs: readonly Log[]): boolean {
  return [...entries(logs)].some(({ kind }) => kind === Kind.handshakeDone);
}

/** Ciphertext by itself, and the other entries as they are: views of the log. */
export function split(logs: readonly Log[]): { readonly ciphertext: Log[]; readonly others: Log[] } {
  const ciphertext: Log[] = [];
  const others: Log[] = [];
  for (const { kind, entry } of entries(logs)) {
    if (kind === Kind.ciphertext) ciphertext.push(entry.subarray(headLength));
    else others.push(entry);
  }
  return { ciphertext, others };
}

/** An entry of ciphertext. */
export function ciphertextEntry(bytes: Uint8Array): Log {
  const entry = new Uint8Array(headLength + bytes.length);
  entry[0] = Kind.ciphertext;
  new DataView(entry.buffer).setUint32(lengthOffset, bytes.length, true);
  entry.set(bytes, headLength);
  return entry;
}

/** All in one piece of memory of its own; the parts are wiped, as there may be keys in them. */
export function joined(parts: readonly Uint8Array[]): Log {
  const all = new Uint8Array(new ArrayBuffer(parts.reduce((length, part) => length + part.length, 0)));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    part.fill(0);
    at += part.length;
  }
  return all;
}

function* entries(logs: readonly Log[]): Generator<{ readonly kind: number; readonly entry: Log }> {
  for (const log of logs) {
    const view = new DataView(log.buffer, log.byteOffset, log.length);
    for (let at = 0; at < log.length; ) {
      const end = at + headLength + view.getUint32(at + lengthOffset, true);
      yield { kind: view.getUint8(at), entry: log.subarray(at, end) };
      at = end;
    }
  }
}

/** Of enum ktls_output (wasm/engine.h). */
const Kind = {
  ...{ ciphertext: 1, record: 2, installKeys: 3, handshakeDone: 5, keyLog: 7, closeNotify: 8 },
  ...{ question: 10, error: 11, trace: 15 },
} as const;
const final: ReadonlySet<number> = new Set([
  ...[Kind.record, Kind.handshakeDone, Kind.closeNotify, Kind.question, Kind.error],
]);
const told: ReadonlySet<number> = new Set([Kind.keyLog, Kind.trace]);
const headLength = 8;
const lengthOffset = 4;
