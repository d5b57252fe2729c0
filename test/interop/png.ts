import { inflateSync } from 'node:zlib';

/** How many pixels of each colour there are in a PNG of 8-bit RGB or RGBA without interlacing, as browsers make them. */
export function coloursIn(png: Buffer): Map<string, number> {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const channels = png[25] === 6 ? 4 : 3;
  const rows = inflateSync(Buffer.concat(dataChunks(png)));
  const length = width * channels;
  const colours = new Map<string, number>();
  let above = Buffer.alloc(length);
  for (let y = 0; y < height; y++) {
    const start = y * (length + 1);
    const row = Buffer.from(rows.subarray(start + 1, start + 1 + length));
    unfilter(rows[start] ?? 0, row, above, channels);
    for (let x = 0; x < length; x += channels) {
      const colour = row.toString('hex', x, x + 3);
      colours.set(colour, (colours.get(colour) ?? 0) + 1);
    }
    above = row;
  }
  return colours;
}

function dataChunks(png: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') chunks.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return chunks;
}

/** PNG (ISO/IEC 15948) §9.2. */
function unfilter(filter: number, row: Buffer, above: Buffer, channels: number): void {
  for (let x = 0; x < row.length; x++) {
    const left = x < channels ? 0 : (row[x - channels] ?? 0);
    const up = above[x] ?? 0;
    const corner = x < channels ? 0 : (above[x - channels] ?? 0);
    const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
    row[x] = ((row[x] ?? 0) + guess) & 0xff;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(estimate - value));
  if (a === undefined || b === undefined || c === undefined) return 0;
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
