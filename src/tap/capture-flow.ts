import type { Endpoint } from '../pcap/endpoint.ts';
import { decryptionSecrets, type EnhancedPacket, enhancedPacket } from '../pcap/pcapng-writer.ts';
import { maxSegmentLength, TcpFlag, tcpPacket } from '../pcap/tcp-segment.ts';

/** Both ends of a connection. Those of a stream that has no addresses get some of their own. */
export interface FlowEnds {
  readonly isServer: boolean;
  readonly local: Endpoint | undefined;
  readonly remote: Endpoint | undefined;
}

/** Where a flow's packets and secrets go. */
export interface FlowSink {
  write(block: Uint8Array): void;
  /** The flow holds nothing back any more. */
  released(): void;
}

type Side = 'local' | 'remote';

/**
 * One connection in a capture: TCP as a witness between the ends would have seen it, had nothing been lost on the way. Secrets come out of
 * the packets of a handshake, and readers want them first: so its packets are held until it is done.
 */
export class CaptureFlow {
  readonly #sink: FlowSink;
  readonly #ends: Readonly<Record<Side, Endpoint>>;
  /** Of the next byte of each side. */
  readonly #next = { local: 0, remote: 0 };
  readonly #ended = { local: false, remote: false };
  #closed = false;
  #held: EnhancedPacket[] | undefined = [];
  #heldLength = 0;

  constructor({ isServer, local, remote }: FlowEnds, sink: FlowSink) {
    this.#sink = sink;
    const isKnown = local !== undefined && remote !== undefined;
    this.#ends = isKnown ? { local, remote } : madeUpEnds(isServer);
    const [client, server]: [Side, Side] = isServer ? ['remote', 'local'] : ['local', 'remote'];
    this.#segment(client, TcpFlag.syn);
    this.#segment(server, TcpFlag.syn | TcpFlag.ack);
    this.#segment(client, TcpFlag.ack);
  }

  /** A line of the key log, without its end. */
  keyLog(line: string): void {
    if (!this.#closed) this.#sink.write(decryptionSecrets(`${line}\n`));
  }

  sent(bytes: Uint8Array): void {
    this.#data('local', bytes);
  }

  received(bytes: Uint8Array): void {
    this.#data('remote', bytes);
  }

  /** FIN. */
  sentEnd(): void {
    this.#end('local');
  }

  receivedEnd(): void {
    this.#end('remote');
  }

  /** Writes what is held back, the first packet with a comment, and holds no more. */
  release(comment?: string): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    for (const [index, packet] of held.entries()) {
      this.#sink.write(enhancedPacket(index > 0 || comment === undefined ? packet : { ...packet, comment }));
    }
    this.#sink.released();
  }

  /** Final. Whoever closes without having said that it is done cuts the connection off. */
  close(): void {
    if (this.#closed) return;
    if (!this.#ended.local) this.#segment('local', TcpFlag.rst | TcpFlag.ack);
    this.#closed = true;
    this.release();
  }

  #data(from: Side, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += maxSegmentLength) {
      this.#segment(from, TcpFlag.psh | TcpFlag.ack, bytes.subarray(at, at + maxSegmentLength));
    }
  }

  #end(from: Side): void {
    if (this.#ended[from]) return;
    this.#segment(from, TcpFlag.fin | TcpFlag.ack);
    this.#ended[from] = true;
    this.#segment(from === 'local' ? 'remote' : 'local', TcpFlag.ack);
  }

  #segment(from: Side, flags: number, payload: Uint8Array = nothing): void {
    if (this.#closed) return;
    const to = from === 'local' ? 'remote' : 'local';
    const packet = tcpPacket({
      source: this.#ends[from],
      destination: this.#ends[to],
      sequence: this.#next[from],
      acknowledgment: flags & TcpFlag.ack ? this.#next[to] : 0,
      flags,
      payload,
    });
    const counted = flags & (TcpFlag.syn | TcpFlag.fin) ? 1 : payload.length;
    this.#next[from] = (this.#next[from] + counted) >>> 0;
    this.#write({ time: now(), packet, direction: from === 'local' ? 'outbound' : 'inbound' });
  }

  #write(packet: EnhancedPacket): void {
    if (!this.#held) {
      this.#sink.write(enhancedPacket(packet));
      return;
    }
    this.#held.push(packet);
    this.#heldLength += packet.packet.length;
    if (this.#heldLength > mostHeld) this.release();
  }
}

/** Addresses for documentation (RFC 5737 §3), and a port of its own for each client. */
function madeUpEnds(isServer: boolean): Record<Side, Endpoint> {
  const client = { address: '192.0.2.1', port: firstPort + madeUp };
  const server = { address: '192.0.2.2', port: 443 };
  madeUp = (madeUp + 1) % (65_536 - firstPort);
  return isServer ? { local: server, remote: client } : { local: client, remote: server };
}

/** Nanoseconds since 1970; as fine as microseconds. */
function now(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** More than any handshake needs. */
const mostHeld = 1024 * 1024;
const firstPort = 49_152;
let madeUp = 0;
const nothing = new Uint8Array();
