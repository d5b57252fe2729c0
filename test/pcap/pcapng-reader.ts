/** A block of a pcapng file as the tests read it, by the specification alone. */
export interface Block {
  readonly kind: 'section' | 'interface' | 'packet' | 'secrets' | 'other';
  readonly body: Buffer;
  readonly comment: string | undefined;
  readonly flags: number;
}

export function blocks(file: Buffer): Block[] {
  const found: Block[] = [];
  for (let at = 0; at < file.length; ) {
    const type = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    if (file.readUInt32LE(at + length - 4) !== length) throw new Error(`the block at ${at} has no end`);
    const [kind, fixed] = kinds[type] ?? (['other', 0] as const);
    const inside = file.subarray(at + 8, at + length - 4);
    const dataLength = kind === 'packet' ? inside.readUInt32LE(12) : kind === 'secrets' ? inside.readUInt32LE(4) : 0;
    const body = inside.subarray(fixed, fixed + dataLength);
    const options = optionsIn(inside.subarray(fixed + Math.ceil(dataLength / 4) * 4));
    found.push({ kind, body, comment: options.get(1)?.toString(), flags: options.get(2)?.[0] ?? 0 });
    at += length;
  }
  return found;
}

/** What TCP carried of the one connection in a file; throws where its numbers do not fit. IPv4 only. */
export function streamsIn(file: readonly Block[]): { inbound: Buffer; outbound: Buffer; endpoints: string[] } {
  const streams = new Map<number, { next: number; parts: Buffer[] }>();
  const endpoints = new Set<string>();
  for (const { kind, body, flags } of file) {
    if (kind !== 'packet') continue;
    const direction = flags & 3;
    const [from, to] = [12, 16].map((at) => [...body.subarray(at, at + 4)].join('.'));
    endpoints.add(`${from}:${body.readUInt16BE(20)}`).add(`${to}:${body.readUInt16BE(22)}`);
    const [sequence, tcpFlags, payload] = [body.readUInt32BE(24), body.readUInt8(33), body.subarray(40)];
    const stream = streams.get(direction) ?? { next: sequence, parts: [] };
    streams.set(direction, stream);
    if (sequence !== stream.next) throw new Error(`a segment at ${sequence} where ${stream.next} was next`);
    stream.next += payload.length + (tcpFlags & 3 ? 1 : 0);
    stream.parts.push(payload);
  }
  const joined = (direction: number): Buffer => Buffer.concat(streams.get(direction)?.parts ?? []);
  return { inbound: joined(1), outbound: joined(2), endpoints: [...endpoints] };
}

function optionsIn(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    if (code === 0) break;
    options.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return options;
}

/** By block type; how many bytes stand before data and options. */
const kinds: Readonly<Record<number, readonly [Block['kind'], number]>> = {
  168627466: ['section', 16],
  1: ['interface', 8],
  6: ['packet', 20],
  10: ['secrets', 8],
};
