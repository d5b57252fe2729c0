import { copySecret } from '../../protocol/secret-bytes.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { hex } from '../hex.ts';

/**
 * Master secrets of sessions whose handshake a capture has, for connections that resume them: by the session's id or by its ticket
 * (RFC 5077). So many are kept, the last ones.
 */
export class SessionSecrets {
  readonly #secrets = new Map<string, readonly Uint8Array[]>();

  remember(key: string | undefined, masterSecrets: readonly Uint8Array[]): void {
    if (key === undefined || masterSecrets.length === 0) return;
    this.#forget(key);
    this.#secrets.set(key, masterSecrets.map(copySecret));
    const [oldest] = this.#secrets.keys();
    if (this.#secrets.size > maxSessions && oldest !== undefined) this.#forget(oldest);
  }

  /** Views. */
  of(key: string | undefined): readonly Uint8Array[] {
    return key === undefined ? [] : (this.#secrets.get(key) ?? []);
  }

  dispose(): void {
    for (const key of this.#secrets.keys()) this.#forget(key);
  }

  #forget(key: string): void {
    for (const secret of this.#secrets.get(key) ?? []) secret.fill(0);
    this.#secrets.delete(key);
  }
}

/** What a session is remembered by; undefined without an id. */
export function sessionKey(sessionId: Uint8Array): string | undefined {
  return sessionId.length === 0 ? undefined : `id ${hex(sessionId)}`;
}

/** The same for a ticket, which may be long. */
export function ticketKey({ hash }: CaptureCryptography, ticket: Uint8Array): string | undefined {
  return ticket.length === 0 ? undefined : `ticket ${hex(hash('sha256', [ticket]))}`;
}

/** The ticket of a NewSessionTicket (RFC 5077 §3.3). */
export function ticketIn(body: Uint8Array): Uint8Array {
  const [, , , , high = 0, low = 0] = body;
  return body.subarray(6, 6 + high * 256 + low);
}

const maxSessions = 1024;
