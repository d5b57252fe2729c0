import { fromHex, hex } from './hex.ts';

/** The labels of a key log that decryption has a use for (RFC 9850 §2). */
export type SecretLabel =
  | 'CLIENT_RANDOM'
  | 'CLIENT_EARLY_TRAFFIC_SECRET'
  | 'CLIENT_HANDSHAKE_TRAFFIC_SECRET'
  | 'SERVER_HANDSHAKE_TRAFFIC_SECRET'
  | 'CLIENT_TRAFFIC_SECRET_0'
  | 'SERVER_TRAFFIC_SECRET_0';

/** Secrets of connections, by the client's random, as SSLKEYLOGFILE has them (RFC 9850). {@link dispose} wipes them. */
export class KeyLog {
  readonly #secrets = new Map<string, Map<SecretLabel, Uint8Array>>();
  #malformed = 0;

  /** How many connections there are secrets of. */
  get size(): number {
    return this.#secrets.size;
  }

  /** Lines that are neither secrets, comments nor empty. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Adds the lines of a key log; what is known already stays. Lines with other labels are left out, and broken ones counted. */
  add(text: string): void {
    for (const line of text.split(/\r?\n/)) {
      if (line === '' || line.startsWith('#')) continue;
      const [, label = '', random = '', digits = ''] = entry.exec(line) ?? [];
      const secret = fromHex(digits);
      if (label === '' || secret === undefined) this.#malformed++;
      else if (!isSecretLabel(label)) continue;
      else if (hasLength(label, secret.length)) this.#add(random, label, secret);
      else this.#malformed++;
    }
  }

  /** The secret of a connection, a view; undefined if there is none. */
  secret(clientRandom: Uint8Array, label: SecretLabel): Uint8Array | undefined {
    return this.#secrets.get(hex(clientRandom))?.get(label);
  }

  /** Whether there is anything of a connection. */
  has(clientRandom: Uint8Array): boolean {
    return this.#secrets.has(hex(clientRandom));
  }

  dispose(): void {
    for (const secrets of this.#secrets.values()) for (const secret of secrets.values()) secret.fill(0);
    this.#secrets.clear();
  }

  #add(random: string, label: SecretLabel, secret: Uint8Array): void {
    const key = random.toLowerCase();
    const secrets = this.#secrets.get(key) ?? new Map<SecretLabel, Uint8Array>();
    this.#secrets.set(key, secrets);
    if (!secrets.has(label)) secrets.set(label, secret);
  }
}

function isSecretLabel(label: string): label is SecretLabel {
  return labels.has(label);
}

/** A master secret has 48 bytes, a traffic secret as many as the hash. */
function hasLength(label: SecretLabel, length: number): boolean {
  return length === 48 || (label !== 'CLIENT_RANDOM' && length === 32);
}

const entry = /^([A-Z][A-Z0-9_]*) ([0-9a-fA-F]{64}) ([0-9a-fA-F]{2,})\s*$/;

const labels: ReadonlySet<string> = new Set<SecretLabel>([
  'CLIENT_RANDOM',
  'CLIENT_EARLY_TRAFFIC_SECRET',
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'SERVER_TRAFFIC_SECRET_0',
]);
