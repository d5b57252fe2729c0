import type { CaptureItem } from '../pcap/capture-item.ts';
import { CaptureReader } from '../pcap/capture-reader.ts';
import { MemoryBudget } from '../pcap/memory-budget.ts';
import { Network } from '../pcap/network.ts';
import { type TcpConnection, TcpConnections, type TcpEvent } from '../pcap/tcp-connections.ts';
import type { DecryptionEvent } from './conversation.ts';
import type { CaptureCryptography } from './cryptography.ts';
import { FollowedConnection, type FollowedSetting } from './followed-connection.ts';
import { maxCapturedSecrets } from './secrets/key-log.ts';
import type { CaptureSecrets } from './secrets/secrets.ts';
import { SessionSecrets } from './secrets/session-secrets.ts';
import { UnusedCounts } from './unused.ts';

/**
 * Decrypts a capture: bytes of the file in, in pieces of any size, and out what they come to, in order. The secrets must be there before, or
 * come with the capture (`addsSecrets`): then records wait for theirs, as far as there is room.
 * Memory is bounded, whatever the capture holds: each connection, and all together, keep only so much that has to wait for something.
 */
export class CaptureDecryption {
  readonly #reader = new CaptureReader();
  readonly #network = new Network();
  readonly #connections = new TcpConnections();
  readonly #unused = new UnusedCounts();
  readonly #followed = new Map<TcpConnection, FollowedConnection>();
  readonly #setting: FollowedSetting;
  readonly #reasons = new Set<string>();
  #count = 0;

  readonly #addsSecrets: boolean;

  constructor(
    cryptography: CaptureCryptography,
    secrets: CaptureSecrets,
    { addsSecrets = false }: { readonly addsSecrets?: boolean } = {},
  ) {
    this.#addsSecrets = addsSecrets;
    this.#setting = {
      cryptography,
      secrets,
      budget: new MemoryBudget(maxWaiting),
      sessions: new SessionSecrets(),
      trials: new MemoryBudget(maxTrials),
      guesses: new MemoryBudget(maxGuesses),
      nextId: () => ++this.#count,
      mayAddSecrets: () => addsSecrets && this.#reader.mayHoldSecrets,
    };
  }

  /** The chunk's memory may be used again when all events were taken. */
  *push(chunk: Uint8Array): Generator<DecryptionEvent, void> {
    for (const item of this.#reader.push(chunk)) yield* this.#receive(item);
    // Segments and records that wait were copied: nothing needs the chunk any more.
    this.#reader.retain();
  }

  /** The rest of the file cannot be read. */
  *break(reason: string): Generator<DecryptionEvent, void> {
    this.#reader.stop();
    yield* this.#report(reason);
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

  /** Wipes all keys that followed from secrets. The object is of no use after. */
  dispose(): void {
    for (const followed of this.#followed.values()) followed.dispose();
    this.#setting.sessions.dispose();
  }

  *#receive(item: CaptureItem): Generator<DecryptionEvent, void> {
    if (item.kind === 'keyLog') {
      const { keyLog } = this.#setting.secrets;
      if (this.#addsSecrets) keyLog.add(new TextDecoder().decode(item.bytes), maxCapturedSecrets);
      return;
    }
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
      if (segment.reason !== undefined) yield* this.#report(segment.reason);
      return;
    }
    for (const event of this.#connections.push(segment)) yield* this.#follow(event);
  }

  *#follow(event: TcpEvent): Generator<DecryptionEvent, void> {
    const { connection } = event;
    const known = this.#followed.get(connection);
    const followed = known ?? new FollowedConnection(this.#setting, { ...connection, within: undefined });
    if (event.kind === 'piece') {
      if (known === undefined) this.#followed.set(connection, followed);
      yield* followed.push(event.from, event.piece);
      return;
    }
    this.#followed.delete(connection);
    const isTls = yield* followed.end(event.time, event.how);
    if (!isTls) this.#unused.add('TCP connections without TLS');
  }

  *#report(reason: string): Generator<DecryptionEvent, void> {
    if (this.#reasons.has(reason) || this.#reasons.size >= maxReasons) return;
    this.#reasons.add(reason);
    yield { kind: 'captureProblem', reason };
  }
}

const maxWaiting = 128 * 2 ** 20;
const maxReasons = 64;
/** Secrets that are tried on records of connections whose random is unknown. */
const maxTrials = 100_000;
/** Numbers of records that are tried where others are missing, each with each key: a capture may lack parts of any number of connections. */
const maxGuesses = 2 ** 20;
