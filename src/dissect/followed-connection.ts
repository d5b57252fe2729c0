import type { Endpoint } from '../pcap/endpoint.ts';
import type { TcpEnd } from '../pcap/tcp-connections.ts';
import type { StreamPiece } from '../pcap/tcp-stream.ts';
import { ContentType } from '../protocol/content-type.ts';
import { headerLength } from '../record/header.ts';
import type { ConversationFacts, DecryptionEvent, Sender } from './conversation.ts';
import { RecordStream, type StreamRecord } from './record-stream.ts';
import { type ConversationSetting, TlsConversation } from './tls-conversation.ts';

/** What carries a connection: TCP, or another TLS connection. `a` is the end that began, as far as one knows. */
export interface Carrier {
  readonly a: Endpoint;
  readonly b: Endpoint;
  readonly startTime: bigint;
  /** The conversation whose application data it is; undefined: it is TCP. */
  readonly within: number | undefined;
}

/** What all connections of a capture share. */
export interface FollowedSetting extends ConversationSetting {
  /** The number of the next conversation. */
  readonly nextId: () => number;
}

/**
 * Looks for TLS in two streams of bytes and follows it, and the TLS in what it carries, as a proxy makes it (CONNECT within HTTPS): so many
 * deep.
 */
export class FollowedConnection {
  readonly #setting: FollowedSetting;
  readonly #carrier: Carrier;
  readonly #depth: number;
  readonly #streams = { a: new RecordStream(), b: new RecordStream() };
  #client: 'a' | 'b' = 'a';
  #conversation: TlsConversation | undefined;
  #inner: FollowedConnection | undefined;

  constructor(setting: FollowedSetting, carrier: Carrier, depth = 0) {
    this.#setting = setting;
    this.#carrier = carrier;
    this.#depth = depth;
  }

  *push(from: 'a' | 'b', piece: StreamPiece): Generator<DecryptionEvent, void> {
    for (const item of this.#streams[from].push(piece)) {
      if (this.#conversation === undefined) {
        if (this.#depth > 0 && !(from === 'a' && isClientHello(item))) continue;
        this.#client = clientOf(from, item);
        yield { kind: 'conversation', conversation: this.#begin().facts };
      }
      const sender: Sender = from === this.#client ? 'client' : 'server';
      for (const event of this.#conversation?.receive(sender, item) ?? []) yield* this.#follow(event);
    }
  }

  /** There is no more. Whether there was TLS. */
  *end(time: bigint, how: TcpEnd | undefined): Generator<DecryptionEvent, boolean> {
    const { a, b } = this.#streams;
    if (this.#conversation === undefined && this.#depth === 0 && (a.startsLate || b.startsLate)) {
      const begun = this.#begin();
      yield { kind: 'conversation', conversation: begun.facts };
      begun.report(time, undefined, 'the capture does not have the beginning of this connection');
    }
    const found = this.#conversation;
    if (found === undefined) return false;
    found.facts.endTime = time;
    found.facts.ended = how;
    for (const event of found.end()) yield* this.#follow(event);
    if (this.#inner) yield* this.#inner.end(time, how);
    yield { kind: 'end', conversation: found.facts };
    return true;
  }

  /** Wipes the keys, where nobody wants to know more. */
  dispose(): void {
    this.#conversation?.dispose();
    this.#inner?.dispose();
  }

  #begin(): TlsConversation {
    const { startTime, within } = this.#carrier;
    const facts: ConversationFacts = {
      id: this.#setting.nextId(),
      within,
      client: this.#carrier[this.#client],
      server: this.#carrier[this.#client === 'a' ? 'b' : 'a'],
      startTime,
      endTime: startTime,
      ended: undefined,
      version: undefined,
      cipherSuite: undefined,
      serverName: undefined,
      alpnProtocol: undefined,
      clientRandom: undefined,
    };
    const begun = new TlsConversation(facts, this.#setting);
    this.#conversation = begun;
    return begun;
  }

  *#follow(event: DecryptionEvent): Generator<DecryptionEvent, void> {
    yield event;
    if (event.kind !== 'record' || event.record.type !== ContentType.applicationData) return;
    if (this.#depth >= maxDepth) return;
    const { sender, plaintext, time, length } = event.record;
    if (plaintext === undefined && this.#inner === undefined) return;
    const { id, client, server } = event.conversation;
    this.#inner ??= new FollowedConnection(
      this.#setting,
      { a: client, b: server, startTime: time, within: id },
      this.#depth + 1,
    );
    // Nobody knows how much of a record that was not opened is data.
    const piece = plaintext === undefined ? { missing: length, time } : { bytes: plaintext, time };
    yield* this.#inner.push(sender === 'client' ? 'a' : 'b', piece);
  }
}

/** Whoever says ClientHello is the client, whichever end opened the connection. */
function clientOf(from: 'a' | 'b', item: StreamRecord): 'a' | 'b' {
  if (item.kind !== 'record' || item.record[0] !== ContentType.handshake) return 'a';
  return isClientHello(item) === (from === 'a') ? 'a' : 'b';
}

function isClientHello(item: StreamRecord): boolean {
  return item.kind === 'record' && item.record[0] === ContentType.handshake && item.record[headerLength] === 1;
}

const maxDepth = 3;
