import type { HashName } from '../key-schedule/hmac.ts';
import { nextTrafficSecret } from '../key-schedule/tls13.ts';
import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import { hmac } from './hmac.ts';

export type Sender = 'client' | 'server';

/** The secrets of one connection, as its key log has them. Dispose of it when the connection ends. */
export class SecretLog {
  /** By label. The two of an encrypted hello stand under another random than the rest (RFC 9850 §2.3). */
  readonly #secrets = new Map<string, { readonly random: string; readonly secret: Uint8Array }>();
  readonly #latest: { [sender in Sender]?: { epoch: number; secret: Uint8Array } } = {};

  /** A line of the key log, with or without its end. */
  add(line: string): void {
    const [label, random, secret] = line.trimEnd().split(' ');
    if (!label || !random || !secret) return;
    const bytes = secretBytes(secret.length / 2);
    Buffer.from(bytes.buffer).write(secret, 'hex');
    this.#secrets.set(label, { random, secret: bytes });
  }

  /** All lines so far (RFC 9850). */
  get text(): string {
    return [...this.#secrets]
      .map(
        ([label, { random, secret }]) =>
          `${label} ${random} ${Buffer.from(secret.buffer, 0, secret.length).toString('hex')}\n`,
      )
      .join('');
  }

  /** TLS 1.3: a copy of the secret that `sender`'s keys of an epoch come from; undefined where there is none. */
  trafficSecret(sender: Sender, epoch: number, hash: HashName): Uint8Array | undefined {
    const first = this.#secrets.get(`${sender.toUpperCase()}_TRAFFIC_SECRET_0`)?.secret;
    if (!first) return undefined;
    let known = this.#latest[sender];
    if (!known || known.epoch > epoch) {
      known?.secret.fill(0);
      known = { epoch: 0, secret: copySecret(first) };
      this.#latest[sender] = known;
    }
    while (known.epoch < epoch) {
      const next = nextTrafficSecret(hmac, hash, known.secret);
      known.secret.fill(0);
      known.secret = next;
      known.epoch++;
    }
    return copySecret(known.secret);
  }

  dispose(): void {
    for (const { secret } of this.#secrets.values()) secret.fill(0);
    this.#secrets.clear();
    for (const { secret } of Object.values(this.#latest)) secret.fill(0);
    delete this.#latest.client;
    delete this.#latest.server;
  }
}

/**
 * Whether a line of OpenSSL's key log has a label of RFC 9850. OpenSSL has more: the premaster secret of RSA key exchange, and the secrets
 * of later epochs without their numbers.
 */
export function isStandard(line: string): boolean {
  return labels.has(line.slice(0, line.indexOf(' ')));
}

const labels: ReadonlySet<string> = new Set([
  'ECH_SECRET',
  'ECH_CONFIG',
  'CLIENT_RANDOM',
  'CLIENT_EARLY_TRAFFIC_SECRET',
  'EARLY_EXPORTER_SECRET',
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'SERVER_TRAFFIC_SECRET_0',
  'EXPORTER_SECRET',
]);
