import { createHash } from 'node:crypto';

/** What a server demands of its clients now, as a digest: both node:tls and this library keep that as properties. */
export class ClientDemands {
  readonly #server: object;
  #known: readonly unknown[] = [];
  #digest = '';

  constructor(server: object) {
    this.#server = server;
  }

  get digest(): string {
    const now = demands.map((name): unknown => Reflect.get(this.#server, name));
    if (this.#digest === '' || now.some((value, place) => value !== this.#known[place])) {
      this.#known = now;
      this.#digest = digestOf(now);
    }
    return this.#digest;
  }
}

function digestOf([isRequested, isRequired, ...authorities]: readonly unknown[]): string {
  const hash = createHash('sha256').update(isRequested ? `asked ${Boolean(isRequired)}` : 'not asked');
  if (!isRequested) return hash.digest('hex');
  for (const given of authorities) {
    const all = (Array.isArray(given) ? given : [given]).map(bytesOf);
    hash.update(` ${all.length}`);
    for (const bytes of all) hash.update(` ${bytes.length} `).update(bytes);
  }
  return hash.digest('hex');
}

function bytesOf(value: unknown): Uint8Array {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return Buffer.from(typeof value === 'string' ? value : '');
}

const demands = ['requestCert', 'rejectUnauthorized', 'ca', 'crl'];
