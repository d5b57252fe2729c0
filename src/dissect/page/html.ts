/** Text for a page: whatever it is, it stays text there, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/**
 * Bytes as text to be read, not escaped yet. What is no UTF-8, and what would not show or would change how other text shows (controls,
 * marks of direction), is a replacement character.
 */
export function readableText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replaceAll('\r\n', '\n').replace(unreadable, '\ufffd');
}

/** Offset, bytes and what they are in ASCII, 16 a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += lineLength) {
    const line = bytes.subarray(offset, offset + lineLength);
    const digits = Array.from(line, (byte) => byte.toString(16).padStart(2, '0'));
    const halves = [digits.slice(0, 8).join(' '), digits.slice(8).join(' ')].join('  ');
    const characters = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${halves.padEnd(48)}  ${characters.join('')}`);
  }
  return lines.join('\n');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Controls but tab and line feed, and what Unicode has to format text with. */
const unreadable = /[^\P{Cc}\t\n]|\p{Cf}|[\u2028\u2029]/gu;

const lineLength = 16;
