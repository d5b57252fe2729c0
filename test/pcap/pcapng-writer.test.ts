import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decryptionSecrets,
  enhancedPacket,
  interfaceDescription,
  LINKTYPE_RAW,
  sectionHeader,
} from '../../src/pcap/pcapng-writer.ts';

test('a section header says how numbers are written, and who wrote it', () => {
  const { type, body, options } = read(sectionHeader({ application: 'a program', comment: 'why' }), 16);
  expect(type).toBe(0x0a0d0d0a);
  expect(Buffer.from(body).toString('hex')).toBe('4d3c2b1a01000000ffffffffffffffff');
  expect(options.map(([code, value]) => [code, value.toString()])).toEqual([
    [1, 'why'],
    [4, 'a program'],
  ]);
});

test('an interface has a link type, no limit to the length of packets, and times in nanoseconds', () => {
  const { type, body, options } = read(interfaceDescription({ linkType: LINKTYPE_RAW, name: 'ktls' }), 8);
  expect(type).toBe(1);
  expect(Buffer.from(body).toString('hex')).toBe('6500000000000000');
  expect(options).toEqual([
    [2, Buffer.from('ktls')],
    [9, Buffer.of(9)],
  ]);
});

test('a key log has its type and length in front', () => {
  const { type, body } = read(decryptionSecrets('ABCDE\n'), 16);
  expect(type).toBe(10);
  expect(Buffer.from(body).toString('hex')).toBe('4b534c54060000004142434445 0a 0000'.replaceAll(' ', ''));
});

test('a packet is whole, with its time in two halves, and options behind', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(
      bytes,
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.option(fc.string(), { nil: undefined }),
      (packet, time, text) => {
        const comment = text === undefined ? {} : { comment: text };
        const made = enhancedPacket({ interfaceId: 3, time, packet, direction: 'inbound', ...comment });
        const { type, body, options } = read(made, 20 + Math.ceil(packet.length / 4) * 4);
        const view = new DataView(body.buffer, body.byteOffset);
        expect([type, view.getUint32(0, true)]).toEqual([6, 3]);
        expect((BigInt(view.getUint32(4, true)) << 32n) | BigInt(view.getUint32(8, true))).toBe(time);
        expect([view.getUint32(12, true), view.getUint32(16, true)]).toEqual([packet.length, packet.length]);
        expect(body.subarray(20, 20 + packet.length)).toEqual(packet);
        expect(options.at(-1)).toEqual([2, Buffer.of(1, 0, 0, 0)]);
        if (text !== undefined) expect(options[0]).toEqual([1, Buffer.from(new TextEncoder().encode(text))]);
      },
    ),
  );
});

test('a comment too long for an option is cut', () => {
  const { options } = read(enhancedPacket({ time: 0n, packet: new Uint8Array(4), comment: 'x'.repeat(70_000) }), 24);
  expect(options[0]?.[1]).toHaveLength(65_532);
});

/** A block apart: `fixed` bytes of body, then options. Checks what all blocks have in common. */
function read(bytes: Uint8Array, fixed: number): { type: number; body: Uint8Array; options: [number, Buffer][] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  expect(bytes.length % 4).toBe(0);
  expect(view.getUint32(4, true)).toBe(bytes.length);
  expect(view.getUint32(bytes.length - 4, true)).toBe(bytes.length);
  const options: [number, Buffer][] = [];
  let at = 8 + fixed;
  while (at < bytes.length - 4) {
    const [code, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    at += 4;
    if (code === 0) break;
    options.push([code, Buffer.from(bytes.subarray(at, at + length))]);
    at += Math.ceil(length / 4) * 4;
  }
  expect(at).toBe(bytes.length - 4);
  return { type: view.getUint32(0, true), body: bytes.subarray(8, 8 + fixed), options };
}
