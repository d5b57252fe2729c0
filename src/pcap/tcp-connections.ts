import type { Endpoint } from './endpoint.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { TcpSegment } from './network.ts';
import { type StreamPiece, TcpStream } from './tcp-stream.ts';

/** One TCP connection: two streams. `a` is the end that sent the first SYN, or the first segment that was captured. */
export interface TcpConnection {
  readonly a: Endpoint;
  readonly b: Endpoint;
  readonly startTime: bigint;
  /** Whether the capture has its first SYN. */
  readonly fromStart: boolean;
}

/** How a connection ended: by FIN both ways, by RST, or with the capture (or with what may be kept of it). */
export type TcpEnd = 'fin' | 'rst' | 'capture';

/** What follows from a segment. */
export type TcpEvent =
  | {
      readonly kind: 'piece';
      readonly connection: TcpConnection;
      readonly from: 'a' | 'b';
      readonly piece: StreamPiece;
    }
  | { readonly kind: 'end'; readonly connection: TcpConnection; readonly time: bigint; readonly how: TcpEnd };

/**
 * Sorts segments into connections. So many are followed at a time; those that were quiet longest are given up for new ones. What they all
 * keep has a limit too.
 */
export class TcpConnections {
  readonly #connections = new Map<string, Followed>();
  readonly #budget = new MemoryBudget(maxKept);

  push(segment: TcpSegment): TcpEvent[] {
    const events: TcpEvent[] = [];
    const key = keyOf(segment);
    let followed = this.#connections.get(key);
    if (followed && segment.syn && isNew(followed, segment)) {
      events.push(...this.#end(key, followed, 'capture'));
      followed = undefined;
    }
    if (followed === undefined) {
      // Nothing is to be learnt from these, unless they belong to a connection.
      if (segment.rst || (segment.payloadLength === 0 && !segment.syn)) return events;
      followed = this.#follow(segment);
    } else {
      this.#connections.delete(key);
    }
    // Behind all others: the first ones in the map are those that were quiet longest.
    this.#connections.set(key, followed);
    events.push(...this.#receive(followed, segment));
    const [oldest] = this.#connections;
    if (this.#connections.size > maxConnections && oldest) events.push(...this.#end(oldest[0], oldest[1], 'capture'));
    return events;
  }

  /** The capture has ended. */
  end(): TcpEvent[] {
    return [...this.#connections].flatMap(([key, followed]) => this.#end(key, followed, 'capture'));
  }

  #follow(segment: TcpSegment): Followed {
    const isAnswer = segment.syn && segment.ack;
    const connection = {
      a: isAnswer ? segment.destination : segment.source,
      b: isAnswer ? segment.source : segment.destination,
      startTime: segment.time,
      fromStart: segment.syn,
    };
    const streams = { a: new TcpStream(this.#budget), b: new TcpStream(this.#budget) };
    return { connection, streams, isOver: false, lastTime: segment.time };
  }

  #receive(followed: Followed, segment: TcpSegment): TcpEvent[] {
    // Late copies of what a finished connection had sent.
    if (followed.isOver) return [];
    const { connection, streams } = followed;
    const from = isFrom(connection.a, segment) ? 'a' : 'b';
    followed.lastTime = segment.time;
    // What a RST carries is words about it, not data (RFC 9293 §3.5.3).
    if (segment.rst) return finish(followed, 'rst');
    const events: TcpEvent[] = streams[from].push(segment).map((piece) => ({ kind: 'piece', connection, from, piece }));
    if (streams.a.ended && streams.b.ended) return [...events, ...finish(followed, 'fin')];
    return events;
  }

  #end(key: string, followed: Followed, how: TcpEnd): TcpEvent[] {
    this.#connections.delete(key);
    return followed.isOver ? [] : finish(followed, how);
  }
}

interface Followed {
  readonly connection: TcpConnection;
  readonly streams: { readonly a: TcpStream; readonly b: TcpStream };
  /** Its end was told. It is kept to know late segments by. */
  isOver: boolean;
  lastTime: bigint;
}

function finish(followed: Followed, how: TcpEnd): TcpEvent[] {
  const { connection, streams } = followed;
  followed.isOver = true;
  const events: TcpEvent[] = [];
  for (const from of ['a', 'b'] as const) {
    for (const piece of streams[from].flush()) events.push({ kind: 'piece', connection, from, piece });
  }
  return [...events, { kind: 'end', connection, time: followed.lastTime, how }];
}

/**
 * Whether a SYN begins another connection between the same ends, and is no second copy of the first. Numbers may be the same, as in a file that was
 * appended to itself: then the first must have ended.
 */
function isNew({ connection, streams, isOver }: Followed, segment: TcpSegment): boolean {
  if (isOver && !segment.ack) return true;
  const stream = streams[isFrom(connection.a, segment) ? 'a' : 'b'];
  return stream.isOther(segment.sequenceNumber);
}

function isFrom({ address, port }: Endpoint, { source }: TcpSegment): boolean {
  return source.port === port && source.address === address;
}

function keyOf({ source, destination }: TcpSegment): string {
  const [from, to] = [`${source.address} ${source.port}`, `${destination.address} ${destination.port}`];
  return from < to ? `${from} ${to}` : `${to} ${from}`;
}

const maxConnections = 4096;
const maxKept = 256 * 2 ** 20;
