import { ByteReader } from '../byte-reader.ts';
import { behind, cutOff, dropped, inner, problem, type Step } from './layer.ts';

/** A frame of IEEE 802.11 §9.2: only data frames that Wi-Fi did not encrypt can be looked into. */
export function peelWifi(bytes: Uint8Array): Step {
  const [control = 0, flags = 0] = bytes;
  if (((control >> 2) & 3) !== dataType) return dropped('Wi-Fi management');
  const subtype = control >> 4;
  if (subtype & nullBit) return dropped('Wi-Fi frames without data');
  if (flags & Flag.protected) return problem('Wi-Fi frames are encrypted', 'encrypted Wi-Fi frames');
  const isQos = (subtype & qosBit) !== 0;
  let length = 24;
  if ((flags & Flag.toSystem) !== 0 && (flags & Flag.fromSystem) !== 0) length += 6;
  if (isQos && (bytes[length] ?? 0) & aggregated)
    return problem('aggregates of Wi-Fi frames are not supported', 'aggregates of Wi-Fi frames');
  if (isQos) length += flags & Flag.order ? 6 : 2;
  return behind('llc', bytes, length);
}

/** radiotap.org: a length, and fields whose presence is told by bits. One of them says that the frame's header is padded. */
export function peelRadiotap(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes, 'little');
  reader.skip(2);
  const length = reader.uint16();
  const present = reader.uint32();
  let more = present;
  while (more & 0x8000_0000) more = reader.uint32();
  if (reader.failed || length < 8 || length > bytes.length) return cutOff('radiotap');
  if ((present & 1) !== 0) reader.skip((-reader.offset & 7) + 8);
  const flags = (present & 2) !== 0 ? reader.uint8() : 0;
  return flags & radiotapPadded ? unpadded(bytes.subarray(length)) : inner('wifi', bytes.subarray(length));
}

/** The header of a data frame has 24, 26, 30 or 32 bytes: two that make it a multiple of four stand behind it. */
function unpadded(frame: Uint8Array): Step {
  const [control = 0, flags = 0] = frame;
  const four = (flags & Flag.toSystem) !== 0 && (flags & Flag.fromSystem) !== 0 ? 6 : 0;
  const header = 24 + four + ((control >> 4) & qosBit ? 2 : 0);
  const padding = -header & 3;
  if (padding === 0 || frame.length < header + padding) return inner('wifi', frame);
  const whole = new Uint8Array(frame.length - padding);
  whole.set(frame.subarray(0, header));
  whole.set(frame.subarray(header + padding), header);
  return inner('wifi', whole);
}

/** The header of Prism cards, whose length is in the order of the machine that captured. */
export function peelPrism(bytes: Uint8Array): Step {
  const length = new ByteReader(bytes.subarray(4, 8), 'little').uint32();
  return behind('wifi', bytes, length <= bytes.length ? length : 144);
}

/** AVS' header, always with the greater byte first. */
export function peelAvs(bytes: Uint8Array): Step {
  return behind('wifi', bytes, new ByteReader(bytes.subarray(4, 8)).uint32() || 64);
}

/** Per-Packet Information: a header around another link type. */
export function peelPpi(bytes: Uint8Array, peelLink: (linkType: number, bytes: Uint8Array) => Step): Step {
  const reader = new ByteReader(bytes, 'little');
  reader.skip(2);
  const length = reader.uint16();
  const linkType = reader.uint32();
  if (reader.failed || length < 8 || length > bytes.length) return cutOff('PPI');
  return linkType === ppi ? dropped('PPI in PPI') : peelLink(linkType, bytes.subarray(length));
}

const dataType = 2;
const nullBit = 4;
const qosBit = 8;
const aggregated = 0x80;
const radiotapPadded = 0x20;
const ppi = 192;
const Flag = { toSystem: 1, fromSystem: 2, protected: 0x40, order: 0x80 } as const;
