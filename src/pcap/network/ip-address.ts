import { ByteReader } from '../byte-reader.ts';

/** IPv4 in dotted form, IPv6 as RFC 5952 §4 writes it. */
export function formatAddress(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : formatIPv6(bytes);
}

/** RFC 5952 §4: the longest run of zeros, if it has two groups or more, is left out. IPv4-mapped ones end in dotted form (§5). */
function formatIPv6(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  const groups = Array.from({ length: 8 }, () => reader.uint16().toString(16));
  const text = groups.join(':');
  if (text.startsWith('0:0:0:0:0:ffff:')) return `::ffff:${bytes.subarray(12).join('.')}`;
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = text.search(new RegExp(`(?:^|:)${longest}(?=:|$)`));
  const before = text.slice(0, at);
  const after = text.slice(at + longest.length + (text[at] === ':' ? 1 : 0));
  return `${before}::${after.replace(/^:/, '')}`;
}
