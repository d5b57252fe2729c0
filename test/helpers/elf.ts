/** The first bytes of a program (elf(5)): its header, that of one segment, and the loader's name behind them. */
export function elfProgram(
  loader: string,
  { type = 3, magic = 0x7f454c46, length = loader.length + 1 }: { type?: number; magic?: number; length?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(64 + 56 + loader.length + 1);
  bytes.writeUInt32BE(magic, 0);
  bytes.set([2, 1], 4);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(type, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt(length), 64 + 32);
  bytes.write(loader, 120, 'latin1');
  return bytes;
}
