import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** The names of what is in a process's writable memory (proc_pid_mem(5)). */
export function searchMemory(pid: number, wanted: ReadonlyMap<string, Uint8Array>): string[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const found = new Set<string>();
  const piece = Buffer.allocUnsafeSlow(8 * 1024 * 1024);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += piece.length - longest) {
      const length = readAt(memory, piece, at, Math.min(piece.length, end - at));
      for (const [name, bytes] of wanted) if (piece.subarray(0, length).includes(Buffer.from(bytes))) found.add(name);
    }
  }
  closeSync(memory);
  return [...found].sort();
}

/** A place that cannot be read is empty. */
function readAt(memory: number, piece: Buffer, at: number, length: number): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}

const longest = 64;
