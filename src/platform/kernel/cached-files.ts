import { loadAddon } from '../addon/addon.ts';

/** Where in `bytes`, how many of them, and from where in the file; null: from the descriptor's own place on, which moves. */
export interface ReadRange {
  readonly offset: number;
  readonly length: number;
  readonly position: number | null;
}

/**
 * Reads what the system has of a file in memory, in this thread, and never waits: how many bytes, 0 at the end (Linux 5.9 and 5.10: or elsewhere). Undefined where the file, or this
 * system, would have to be waited for, and where it cannot be read (preadv2(2), `RWF_NOWAIT`: ext4, XFS, Btrfs and others).
 */
export function readCached(descriptor: number, bytes: Uint8Array, range: ReadRange): number | undefined {
  const loaded = loadAddon();
  const calls = 'addon' in loaded ? loaded.addon.kernel : undefined;
  const result = calls?.readCached(descriptor, bytes, range.offset, range.length, range.position ?? -1) ?? -1;
  return result < 0 ? undefined : result;
}
