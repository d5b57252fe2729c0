import { secretBytes } from '../protocol/secret-bytes.ts';

/** Hexadecimal digits of bytes, in lower case. */
export function hex(bytes: Uint8Array): string {
  const digits = new Uint16Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) digits[at] = pairs[bytes[at] ?? 0] ?? 0;
  return decoder.decode(digits);
}

/** The bytes of hexadecimal digits; undefined if the text is something else. */
export function fromHex(digits: string): Uint8Array | undefined {
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  const bytes = secretBytes(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

const decoder = new TextDecoder('latin1');

/** Both digits of each byte as they lie in memory one after the other, whatever the order of bytes of this machine. */
const pairs = new Uint16Array(
  Uint8Array.from({ length: 512 }, (_, at) => '0123456789abcdef'.charCodeAt(at & 1 ? (at >> 1) & 15 : at >> 5)).buffer,
);
