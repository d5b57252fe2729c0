import { fromHex, hex } from '../hex.ts';

/** The labels of a key log that decryption has a use for: RFC 9850 §2 and, of the premaster secret, NSS' and Wireshark's. */
export type SecretLabel =
  | 'CLIENT_RANDOM'
  | 'CLIENT_EARLY_TRAFFIC_SECRET'
  | 'CLIENT_HANDSHAKE_TRAFFIC_SECRET'
  | 'SERVER_HANDSHAKE_TRAFFIC_SECRET'
  | 'CLIENT_TRAFFIC_SECRET_0'
  | 'SERVER_TRAFFIC_SECRET_0'
  | 'PMS_CLIENT_RANDOM'
  | 'ECH_SECRET'
  | 'ECH_CONFIG';

/**
 * Secrets of connections, by the client's random, as SSLKEYLOGFILE has them (RFC 9850), and what older programs write: premaster secrets by
 * the beginning of what the client encrypted, master secrets by the session. {@link dispose} wipes them.
 */
export class KeyLog {
  readonly #secrets = new Map<string, Map<SecretLabel, Uint8Array[]>>();
  /** By label: a search must not pass all that have none. */
  readonly #randoms = new Map<SecretLabel, string[]>();
  readonly #premasters = new Map<string, Uint8Array[]>();
  readonly #sessions = new Map<string, Uint8Array[]>();
  #hasPremasterLabels = false;
  #malformed = 0;
  /** Of secrets. */
  #bytes = 0;

  /** How many connections there are secrets of. */
  get size(): number {
    return this.#secrets.size + this.#premasters.size + this.#sessions.size;
  }

  /** Lines that are neither secrets, comments nor empty. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Whether a master secret may have to be derived from a premaster secret. */
  get hasPremasters(): boolean {
    return this.#premasters.size > 0 || this.#hasPremasterLabels;
  }

  /**
   * Adds the lines of a key log. Lines with other labels are left out, and broken ones counted. What stands behind a secret is a remark. From
   * `most` connections on, or where their secrets are long, nothing more is added: a capture may hold any number, a user's own file what its owner put there.
   */
  add(text: string, most: number = Number.POSITIVE_INFINITY): void {
    for (const line of linesOf(text.replace(/^\uFEFF/, ''))) {
      const entry = line.trimStart();
      if (entry === '' || entry.startsWith('#')) continue;
      if (this.size >= most || this.#bytes >= most * meanLength) return;
      if (!this.#addEntry(entry)) this.#malformed++;
    }
  }

  /** The secrets of a connection, views: several if lines contradict each other, of which one may fit. */
  secrets(clientRandom: Uint8Array, label: SecretLabel): readonly Uint8Array[] {
    return this.#secrets.get(hex(clientRandom))?.get(label) ?? [];
  }

  /** Premaster secrets by what the client sent encrypted: its first 8 bytes are the key. */
  premasters(encrypted: Uint8Array): readonly Uint8Array[] {
    return this.#premasters.get(hex(encrypted.subarray(0, 8))) ?? [];
  }

  /** Master secrets of a session. */
  sessionSecrets(sessionId: Uint8Array): readonly Uint8Array[] {
    return sessionId.length === 0 ? [] : (this.#sessions.get(hex(sessionId)) ?? []);
  }

  /** Whether there is anything of a connection. */
  has(clientRandom: Uint8Array): boolean {
    return this.#secrets.has(hex(clientRandom));
  }

  /** Randoms of connections that have a secret of this label. */
  *randomsWith(label: SecretLabel): Generator<Uint8Array, void> {
    for (const random of this.#randoms.get(label) ?? []) {
      const bytes = fromHex(random);
      if (bytes !== undefined) yield bytes;
    }
  }

  dispose(): void {
    const byLabel = [...this.#secrets.values()].flatMap((secrets) => [...secrets.values()]);
    for (const list of [...byLabel, ...this.#premasters.values(), ...this.#sessions.values()]) {
      for (const secret of list) secret.fill(0);
    }
    for (const map of [this.#secrets, this.#randoms, this.#premasters, this.#sessions]) map.clear();
  }

  /** Whether the line was one. */
  #addEntry(line: string): boolean {
    const [, sessionId, master] = sessionEntry.exec(line) ?? [];
    if (sessionId !== undefined && master !== undefined)
      return this.#put(this.#sessions, sessionId.toLowerCase(), master, isMaster);
    const [, encrypted, premaster] = rsaEntry.exec(line) ?? [];
    if (encrypted !== undefined && premaster !== undefined) {
      return this.#put(this.#premasters, encrypted.toLowerCase(), premaster, isMaster);
    }
    const [, label, random, digits] = labelledEntry.exec(line) ?? [];
    if (label === undefined || random === undefined || digits === undefined || digits.length % 2 !== 0) return false;
    if (!isSecretLabel(label)) return true;
    const key = random.toLowerCase();
    const secrets = this.#secrets.get(key) ?? new Map<SecretLabel, Uint8Array[]>();
    const isFirst = !secrets.has(label);
    if (!this.#put(secrets, label, digits, (length) => hasLength(label, length))) return false;
    if (isFirst) this.#logged(label, key);
    this.#secrets.set(key, secrets);
    if (label === 'PMS_CLIENT_RANDOM') this.#hasPremasterLabels = true;
    return true;
  }

  /** Whether it is a secret. */
  #put<Key extends string>(
    map: Map<Key, Uint8Array[]>,
    key: Key,
    digits: string,
    fits: (length: number) => boolean,
  ): boolean {
    const added = put(map, key, digits, fits);
    this.#bytes += added ?? 0;
    return added !== undefined;
  }

  #logged(label: SecretLabel, random: string): void {
    const randoms = this.#randoms.get(label);
    if (randoms) randoms.push(random);
    else this.#randoms.set(label, [random]);
  }
}

/** One at a time: a capture's block of line ends would be an array of as many. What stands behind a line, as CR, does not matter. */
function* linesOf(text: string): Generator<string, void> {
  for (let start = 0, end = 0; end >= 0; start = end + 1) {
    end = text.indexOf('\n', start);
    yield text.slice(start, end < 0 ? undefined : end);
  }
}

/** Adds one more secret, unless it is known. How many bytes that took; undefined: it is none. */
function put<Key extends string>(
  map: Map<Key, Uint8Array[]>,
  key: Key,
  digits: string,
  fits: (length: number) => boolean,
): number | undefined {
  const secret = fromHex(digits);
  if (secret === undefined || !fits(secret.length)) return undefined;
  const known = map.get(key) ?? [];
  const isKnown = known.some(
    (other) => other.length === secret.length && other.every((byte, at) => byte === secret[at]),
  );
  if (isKnown) {
    secret.fill(0);
    return 0;
  }
  // Where there are more than can be tried, it is the last that count, as in Wireshark.
  const [oldest, ...others] = known;
  const isFull = known.length >= maxSecrets;
  if (isFull) oldest?.fill(0);
  map.set(key, [...(isFull ? others : known), secret]);
  return secret.length - (isFull ? (oldest?.length ?? 0) : 0);
}

function isSecretLabel(label: string): label is SecretLabel {
  return labels.has(label);
}

function isMaster(length: number): boolean {
  return length === 48;
}

/** A master secret has 48 bytes, a traffic secret as many as the hash; the others have what a key exchange or a configuration has. */
function hasLength(label: SecretLabel, length: number): boolean {
  if (label === 'CLIENT_RANDOM') return isMaster(length);
  if (label === 'PMS_CLIENT_RANDOM' || label === 'ECH_SECRET' || label === 'ECH_CONFIG') return length <= maxLength;
  return length === 48 || length === 32;
}

const labelledEntry = /^([A-Z][A-Z0-9_]*)[ \t]+([0-9a-fA-F]{64})[ \t]+([0-9a-fA-F]{2,})(?:\s|$)/;
const rsaEntry = /^RSA[ \t]+([0-9a-fA-F]{16})[ \t]+([0-9a-fA-F]+)(?:\s|$)/;
const sessionEntry = /^RSA[ \t]+Session-ID:([0-9a-fA-F]{2,64})[ \t]+Master-Key:([0-9a-fA-F]+)(?:\s|$)/;

const labels: ReadonlySet<string> = new Set<SecretLabel>([
  'CLIENT_RANDOM',
  'CLIENT_EARLY_TRAFFIC_SECRET',
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'SERVER_TRAFFIC_SECRET_0',
  'PMS_CLIENT_RANDOM',
  'ECH_SECRET',
  'ECH_CONFIG',
]);

/** Of how many connections a capture may bring secrets. */
export const maxCapturedSecrets: number = 2 ** 18;

/** Of one label and one connection: each is tried, on each record until one fits. */
const maxSecrets = 4;
const maxLength = 4096;
/** Bytes of all secrets of a connection, twice as many as five of TLS 1.3 have. */
const meanLength = 512;
