import type { Prf } from '../../key-schedule/tls12.ts';
import type { MemoryBudget } from '../../pcap/memory-budget.ts';
import { TlsVersion } from '../../protocol/tls-version.ts';
import type { Sender } from '../conversation.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { type HandshakeMessage, HandshakeType } from './handshake-messages.ts';

/**
 * What a handshake of TLS 1.0 to 1.2 says of its premaster secret: how the client encrypted it, and all messages so far, whose hash may be
 * part of the master secret (RFC 7627 §3). Directions may come one before the other: their messages are put in order here.
 */
export class KeyExchange {
  #client: Uint8Array[] = [];
  #server: Uint8Array[] = [];
  #size = 0;
  readonly #budget: MemoryBudget;
  #encrypted: Uint8Array | undefined;
  #isServerDone = false;
  /** There was no room for a message. */
  #isCut = false;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** The premaster secret as the client encrypted it for an RSA key; undefined if it was not seen. */
  get encrypted(): Uint8Array | undefined {
    return this.#encrypted;
  }

  add(sender: Sender, { type, body }: HandshakeMessage): void {
    if (type === HandshakeType.clientHello) this.#reset();
    if (type === HandshakeType.helloRequest || this.#isComplete(sender)) return;
    if (type === HandshakeType.clientKeyExchange) this.#encrypted = premasterIn(body);
    if (type === HandshakeType.serverHelloDone) this.#isServerDone = true;
    const message = new Uint8Array(4 + body.length);
    message.set([type, body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff]);
    message.set(body, 4);
    if (this.#size > maxSize || !this.#budget.take(message.length)) {
      this.#isCut = true;
      return;
    }
    this.#size += message.length;
    (sender === 'client' ? this.#client : this.#server).push(message);
  }

  /** Whether what `sender` begins now has to wait for the other end's part of the exchange. */
  isWaiting(sender: Sender): boolean {
    return sender === 'client'
      ? this.#encrypted !== undefined && !this.#isServerDone
      : this.#isServerDone && this.#encrypted === undefined;
  }

  /** The hash of all messages up to ClientKeyExchange; undefined if some are missing. */
  sessionHash({ hash }: CaptureCryptography, prf: Prf): Uint8Array | undefined {
    if (this.#isCut || !this.#isServerDone || this.#encrypted === undefined) return undefined;
    const messages = [...this.#client.slice(0, 1), ...this.#server, ...this.#client.slice(1)];
    if (prf.version >= TlsVersion.tls12) return hash(prf.hash, messages);
    return Uint8Array.of(...hash('md5', messages), ...hash('sha1', messages));
  }

  /** Messages behind are no part of it. */
  #isComplete(sender: Sender): boolean {
    return sender === 'client' ? this.#encrypted !== undefined : this.#isServerDone;
  }

  /** Gives its memory back. */
  dispose(): void {
    this.#budget.give(this.#size);
    this.#size = 0;
    this.#client = [];
    this.#server = [];
  }

  #reset(): void {
    // Before the first ClientHello there may be the server's part, which comes first then; behind a whole exchange another begins.
    if (this.#encrypted !== undefined || this.#client.length > 0) {
      this.dispose();
      this.#isServerDone = false;
      this.#isCut = false;
    }
    this.#encrypted = undefined;
  }
}

/** RFC 5246 §7.4.7.1: what is encrypted has a length; with other key exchanges it is something else, which fits no secret. */
function premasterIn(body: Uint8Array): Uint8Array {
  const [high = 0, low = 0] = body;
  return body.length === 2 + high * 256 + low ? body.slice(2) : body.slice();
}

/** More than certificates of a handshake take. */
const maxSize = 2 ** 18;
