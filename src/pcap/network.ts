import { ByteReader } from './byte-reader.ts';
import type { CapturedPacket } from './capture-item.ts';
import type { Endpoint } from './endpoint.ts';
import { type IpPacket, ofProtocol, readIp } from './network/ip.ts';
import { formatAddress } from './network/ip-address.ts';
import { IpFragments } from './network/ip-fragments.ts';
import { type Dropped, dropped, type LayerName, problem, type Step } from './network/layer.ts';
import { layers, tunnelNames } from './network/layers.ts';
import { peelLink } from './network/link-types.ts';

/** A TCP segment, with what was around it. */
export interface TcpSegment {
  readonly time: bigint;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly sequenceNumber: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** A view of what was captured. */
  readonly payload: Uint8Array;
  /** How long the payload was on the wire. */
  readonly payloadLength: number;
}

/** Finds the TCP segments in packets: behind the link's header, in tunnels of any kind, in packets of IP that came in fragments. */
export class Network {
  readonly #fragments = new IpFragments();

  /** Fragments of IP that never made a whole packet. */
  get incompleteFragments(): number {
    return this.#fragments.incomplete;
  }

  /** The segment, or why there is none; undefined: it is part of a packet whose other parts are still to come. */
  segmentOf(packet: CapturedPacket): TcpSegment | Dropped | undefined {
    const walk = new Walk(packet.time);
    let step: Step = peelLink(packet.linkType, packet.bytes);
    for (let depth = 0; depth < maxLayers; depth++) {
      if ('dropped' in step) return walk.named(step);
      let next: Step | 'tcp' | undefined;
      if ('protocol' in step) next = ofProtocol(step.protocol, step.bytes);
      else if (step.layer !== 'ip') {
        next = layers[step.layer](step.bytes);
        if (!('dropped' in next)) walk.passed(step.layer);
      } else next = this.#ip(step.bytes, walk);
      if (next === 'tcp') return readTcp(walk, 'bytes' in step ? step.bytes : new Uint8Array());
      if (next === undefined) return undefined;
      step = next;
    }
    return problem('packets have more layers than are looked into', 'packets with more layers than are looked into');
  }

  #ip(bytes: Uint8Array, walk: Walk): Step | undefined {
    const packet = readIp(bytes);
    if ('dropped' in packet) return packet;
    walk.ip = packet;
    walk.missing = packet.missing;
    if (packet.fragment === undefined) return { protocol: packet.protocol, bytes: packet.payload };
    if (packet.missing > 0) return dropped('IP fragments that are cut off');
    walk.missing = 0;
    const { source, destination, protocol, fragment } = packet;
    const key = `${source} ${destination} ${source.length === 4 ? protocol : ''} ${fragment.id}`;
    const whole = this.#fragments.push(key, fragment, packet.payload, walk.time);
    if (whole === undefined || 'dropped' in whole) return whole && problem(`there are ${whole.dropped}`, whole.dropped);
    return { protocol, bytes: whole.whole };
  }
}

/** What is known of a packet on the way to what is in it. */
class Walk {
  readonly time: bigint;
  /** The innermost. */
  ip: IpPacket | undefined;
  missing = 0;
  #tunnel: string | undefined;

  constructor(time: bigint) {
    this.time = time;
  }

  passed(layer: LayerName): void {
    this.#tunnel = tunnelNames.get(layer) ?? this.#tunnel;
  }

  named(step: Dropped): Dropped {
    return this.#tunnel === undefined || step.reason !== undefined
      ? step
      : dropped(`${step.dropped} in ${this.#tunnel}`);
  }
}

/** RFC 9293 §3.1. */
function readTcp({ time, ip, missing }: Walk, bytes: Uint8Array): TcpSegment | Dropped {
  const reader = new ByteReader(bytes);
  const sourcePort = reader.uint16();
  const destinationPort = reader.uint16();
  const sequenceNumber = reader.uint32();
  reader.skip(4);
  const headerLength = (reader.uint8() >> 4) * 4;
  const flags = reader.uint8();
  const length = bytes.length + missing;
  if (reader.failed || headerLength < 20 || headerLength > length || ip === undefined) {
    return problem('a TCP header is cut off or broken', 'packets with a broken TCP header');
  }
  return {
    time,
    source: { address: formatAddress(ip.source), port: sourcePort },
    destination: { address: formatAddress(ip.destination), port: destinationPort },
    sequenceNumber,
    syn: (flags & 0x02) !== 0,
    ack: (flags & 0x10) !== 0,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    payload: bytes.subarray(headerLength),
    payloadLength: length - headerLength,
  };
}

/** Tunnels in tunnels end somewhere: each layer takes a byte or more, and nobody stacks so many. */
const maxLayers = 32;
