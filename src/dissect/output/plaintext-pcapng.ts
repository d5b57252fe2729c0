import type { Endpoint } from '../../pcap/endpoint.ts';
import { enhancedPacket, interfaceDescription, LINKTYPE_RAW, sectionHeader } from '../../pcap/pcapng-writer.ts';
import { TcpFlag, tcpPacket } from '../../pcap/tcp-segment.ts';
import { ContentType } from '../../protocol/content-type.ts';
import type { ConversationFacts, DecryptedRecord, DecryptionEvent, Sender } from '../conversation.ts';
import { endpointText } from './event-json.ts';
import { protectionText } from './record-names.ts';

/**
 * Makes a pcapng file of TCP connections that carry the application data in clear, so that other programs understand what is in it. Times
 * and addresses are those of the capture. Servers at a port where protocols run over TLS get the port of the same protocol without, or
 * Wireshark would look for TLS there; comments tell what was.
 */
export class PlaintextPcapng {
  readonly #flows = new Map<Readonly<ConversationFacts>, Flow>();

  /** What the file begins with. */
  start(): Uint8Array[] {
    const comment = 'application data of TLS connections, decrypted';
    return [
      sectionHeader({ application: 'ktls' }),
      interfaceDescription({ linkType: LINKTYPE_RAW, name: 'ktls', comment }),
    ];
  }

  /** The next pieces of the file. */
  push(event: DecryptionEvent): Uint8Array[] {
    if (event.kind === 'record') return this.#record(event.conversation, event.record);
    if (event.kind !== 'end') return [];
    const flow = this.#flows.get(event.conversation);
    this.#flows.delete(event.conversation);
    return flow?.end(event.conversation) ?? [];
  }

  #record(conversation: Readonly<ConversationFacts>, { type, plaintext, ...record }: DecryptedRecord): Uint8Array[] {
    if (type !== ContentType.applicationData || plaintext === undefined || plaintext.length === 0) return [];
    const flow = this.#flows.get(conversation);
    if (flow !== undefined) return [flow.data(record, plaintext)];
    const begun = new Flow(conversation);
    this.#flows.set(conversation, begun);
    return [...begun.start(conversation), begun.data(record, plaintext)];
  }
}

class Flow {
  readonly #ends: Readonly<Record<Sender, Endpoint>>;
  readonly #next = { client: 0, server: 0 };

  constructor({ client, server, within, id }: Readonly<ConversationFacts>) {
    // TLS in TLS has the ends of what carries it, whose bytes are another connection here.
    const port = within === undefined ? client.port : innerPorts - (id % 1024);
    const serverPort = plainPorts.get(server.port) ?? server.port;
    this.#ends = { client: { ...client, port }, server: { ...server, port: serverPort } };
  }

  start(facts: Readonly<ConversationFacts>): Uint8Array[] {
    const time = facts.startTime;
    return [
      this.#packet('client', { time, flags: TcpFlag.syn, comment: describe(facts) }),
      this.#packet('server', { time, flags: TcpFlag.syn | TcpFlag.ack }),
      this.#packet('client', { time, flags: TcpFlag.ack }),
    ];
  }

  data(
    { time, sender, sequenceNumber, ...keys }: Omit<DecryptedRecord, 'type' | 'plaintext'>,
    payload: Uint8Array,
  ): Uint8Array {
    const comment = `${protectionText(keys)}, record ${sequenceNumber}`;
    return this.#packet(sender, { time, flags: TcpFlag.psh | TcpFlag.ack, payload, comment });
  }

  end({ endTime: time }: Readonly<ConversationFacts>): Uint8Array[] {
    return [
      this.#packet('client', { time, flags: TcpFlag.fin | TcpFlag.ack }),
      this.#packet('server', { time, flags: TcpFlag.fin | TcpFlag.ack }),
      this.#packet('client', { time, flags: TcpFlag.ack }),
    ];
  }

  #packet(
    sender: Sender,
    {
      time,
      flags,
      payload = new Uint8Array(),
      comment,
    }: { time: bigint; flags: number; payload?: Uint8Array; comment?: string },
  ): Uint8Array {
    const receiver = sender === 'client' ? 'server' : 'client';
    const packet = tcpPacket({
      source: this.#ends[sender],
      destination: this.#ends[receiver],
      sequence: this.#next[sender],
      acknowledgment: flags & TcpFlag.ack ? this.#next[receiver] : 0,
      flags,
      payload,
    });
    const counted = flags & (TcpFlag.syn | TcpFlag.fin) ? 1 : payload.length;
    this.#next[sender] = (this.#next[sender] + counted) >>> 0;
    // A capture's clock may say anything, the file has room for 64 bits.
    return enhancedPacket({ time: BigInt.asUintN(64, time), packet, ...(comment !== undefined && { comment }) });
  }
}

function describe({
  client,
  server,
  version,
  cipherSuite,
  serverName,
  alpnProtocol,
}: Readonly<ConversationFacts>): string {
  const facts = [
    version,
    cipherSuite,
    serverName && `server name ${serverName}`,
    alpnProtocol && `ALPN ${alpnProtocol}`,
  ];
  return `${endpointText(client)} to ${endpointText(server)}: ${facts.filter(Boolean).join(', ')}`;
}

/** Clients’ ports of connections within others: the highest, which systems give out last. */
const innerPorts = 65_535;

/** Ports of protocols over TLS, and those of the same without (iana.org/assignments/service-names-port-numbers). */
const plainPorts = new Map<number, number>([
  [443, 80],
  [465, 25],
  [563, 119],
  [636, 389],
  [853, 53],
  [989, 20],
  [990, 21],
  [992, 23],
  [993, 143],
  [994, 194],
  [995, 110],
  [5061, 5060],
  [5671, 5672],
  [6697, 6667],
  [8443, 8080],
  [8883, 1883],
]);
