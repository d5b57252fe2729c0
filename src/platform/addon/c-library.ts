import { closeSync, openSync, readSync } from 'node:fs';

/** Whether this program runs on glibc, and not on musl, which loads what was made for glibc and does not work with it. Linux only. */
export function runsOnGlibc(): boolean {
  const loader = programLoader(process.execPath);
  if (loader !== undefined && /\/ld-(?:linux|musl)/.test(loader)) return !loader.includes('/ld-musl');
  return isReported();
}

/** Node.js itself tells, but takes 3 ms to make its report. */
function isReported(): boolean {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Otherwise it asks the network for the names of peers.
  report.excludeNetwork = true;
  try {
    const told: { header?: { glibcVersionRuntime?: string } } = report.getReport();
    return told.header?.glibcVersionRuntime !== undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/**
 * The dynamic loader that a program names in its PT_INTERP (elf(5)); undefined where that is not among its first bytes, or the program is not a
 * 64-bit one with the lesser byte first.
 */
export function programLoader(path: string): string | undefined {
  const bytes = firstBytes(path);
  if (bytes === undefined || bytes.length < fileHeaderLength || bytes.readUInt32BE(0) !== elfMagic) return undefined;
  if (bytes[4] !== elfClass64 || bytes[5] !== elfLittleEndian) return undefined;
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  for (let header = 0; header < count; header++) {
    const at = start + header * size;
    if (at + programHeaderLength > bytes.length) return undefined;
    if (bytes.readUInt32LE(at) !== interpreter) continue;
    const [offset, length] = [Number(bytes.readBigUInt64LE(at + 8)), Number(bytes.readBigUInt64LE(at + 32))];
    return offset + length <= bytes.length ? bytes.toString('latin1', offset, offset + length - 1) : undefined;
  }
  return undefined;
}

function firstBytes(path: string): Buffer | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(4096);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // As under the permission model.
    return undefined;
  }
}

const elfMagic = 0x7f454c46;
const elfClass64 = 2;
const elfLittleEndian = 1;
const fileHeaderLength = 64;
const programHeaderLength = 56;
/** PT_INTERP. */
const interpreter = 3;
