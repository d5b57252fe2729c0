import { ContentType } from '../protocol/content-type.ts';
import { headerLength } from '../record/header.ts';
import type { CaptureItem } from './capture-item.ts';
import { CaptureReader } from './capture-reader.ts';
import type { ConversationFacts, DecryptionEvent, Sender } from './conversation.ts';
import type { CaptureCryptography } from './cryptography.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Network } from './network.ts';
import { RecordStream, type StreamRecord } from './record-stream.ts';
import type { CaptureSecrets } from './secrets.ts';
import { type TcpConnection, TcpConnections, type TcpEvent } from './tcp-connections.ts';
import { type ConversationSetting, TlsConversation } from './tls-conversation.ts';
import { UnusedCounts } from './unused.ts';

/**
 * Decrypts a capture: bytes of the file in, in pieces of any size, and out what they come to, in order. The secrets must be there before.
 * Memory is bounded, whatever the capture holds: each connection, and all together, keep only so much that has to wait for something.
 */
export class CaptureDecryption {
  readonly #reader = new CaptureReader();
  readonly #network = new Network();
  readonly #connections = new TcpConnections();
  readonly #unused = new UnusedCounts();
  readonly #followed = new Map<TcpConnection, Followed>();
  readonly #setting: ConversationSetting;
  readonly #reasons = new Set<string>();
  #count = 0;

  constructor(cryptography: CaptureCryptography, secrets: CaptureSecrets) {
    this.#setting = { cryptography, secrets, budget: new MemoryBudget(maxWaiting) };
  }

  *push(chunk: Uint8Array): Generator<DecryptionEvent, void> {
    for (const item of this.#reader.push(chunk)) yield* this.#receive(item);
  }

  /** The file has ended. */
  *end(): Generator<DecryptionEvent, void> {
    for (const item of this.#reader.end()) yield* this.#receive(item);
    for (const event of this.#connections.end()) yield* this.#follow(event);
    const { incompleteFragments } = this.#network;
    if (incompleteFragments > 0) this.#unused.add('IP fragments without the others', incompleteFragments);
    const unused = this.#unused.list();
    if (unused.length > 0) yield { kind: 'unused', unused };
  }

  *#receive(item: CaptureItem): Generator<DecryptionEvent, void> {
    if (item.kind === 'keyLog') return;
    if (item.kind === 'problem') {
      yield* this.#report(item.reason);
      return;
    }
    if (item.kind === 'unused') {
      this.#unused.add(item.what);
      return;
    }
    const segment = this.#network.segmentOf(item);
    if (segment === undefined) return;
    if ('dropped' in segment) {
      this.#unused.add(segment.dropped);
      if (segment.isProblem) yield* this.#report(segment.dropped);
      return;
    }
    for (const event of this.#connections.push(segment)) yield* this.#follow(event);
  }

  *#follow(event: TcpEvent): Generator<DecryptionEvent, void> {
    const { connection } = event;
    const followed = this.#followed.get(connection) ?? newFollowed();
    this.#followed.set(connection, followed);
    if (event.kind === 'end') {
      this.#followed.delete(connection);
      yield* this.#end(followed, event);
      return;
    }
    for (const item of followed.streams[event.from].push(event.piece)) {
      if (followed.conversation === undefined) {
        followed.client = clientOf(event.from, item);
        yield* this.#begin(followed, connection, followed.client);
      }
      const sender: Sender = event.from === followed.client ? 'client' : 'server';
      if (followed.conversation) yield* followed.conversation.receive(sender, item);
    }
  }

  *#begin(followed: Followed, connection: TcpConnection, client: 'a' | 'b'): Generator<DecryptionEvent, void> {
    const facts: ConversationFacts = {
      id: ++this.#count,
      client: connection[client],
      server: connection[client === 'a' ? 'b' : 'a'],
      startTime: connection.startTime,
      endTime: connection.startTime,
      ended: undefined,
      version: undefined,
      cipherSuite: undefined,
      serverName: undefined,
      alpnProtocol: undefined,
      clientRandom: undefined,
    };
    followed.conversation = new TlsConversation(facts, this.#setting);
    yield { kind: 'conversation', conversation: facts };
  }

  *#end(followed: Followed, event: TcpEvent & { kind: 'end' }): Generator<DecryptionEvent, void> {
    const { streams, conversation } = followed;
    if (conversation === undefined && (streams.a.startsLate || streams.b.startsLate)) {
      yield* this.#begin(followed, event.connection, 'a');
      followed.conversation?.report(
        event.time,
        undefined,
        'the capture does not have the beginning of this connection',
      );
    }
    const found = followed.conversation;
    if (found === undefined) {
      this.#unused.add('TCP connections without TLS');
      return;
    }
    found.facts.endTime = event.time;
    found.facts.ended = event.how;
    yield* found.end();
    yield { kind: 'end', conversation: found.facts };
  }

  *#report(reason: string): Generator<DecryptionEvent, void> {
    if (this.#reasons.has(reason) || this.#reasons.size >= maxReasons) return;
    this.#reasons.add(reason);
    yield { kind: 'captureProblem', reason };
  }
}

interface Followed {
  readonly streams: { readonly a: RecordStream; readonly b: RecordStream };
  client: 'a' | 'b';
  conversation: TlsConversation | undefined;
}

function newFollowed(): Followed {
  return { streams: { a: new RecordStream(), b: new RecordStream() }, client: 'a', conversation: undefined };
}

/** Whoever says ClientHello is the client, whichever end opened the TCP connection. */
function clientOf(from: 'a' | 'b', item: StreamRecord): 'a' | 'b' {
  if (item.kind !== 'record' || item.record[0] !== ContentType.handshake) return 'a';
  const isClientHello = item.record[headerLength] === 1;
  return isClientHello === (from === 'a') ? 'a' : 'b';
}

const maxWaiting = 128 * 2 ** 20;
const maxReasons = 64;
