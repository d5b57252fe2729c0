import type { NonSharedBuffer } from 'node:buffer';

/**
 * New memory, as `Buffer.allocUnsafeSlow` has it, for much that was received. Such garbage is collected some 50 MiB at a time; glibc's malloc
 * gives it back to the system, which brings it again page by page, and receiving takes up to twice as long. How much malloc keeps instead
 * follows the largest block that was freed so far (mallopt(3), M_TRIM_THRESHOLD). So the first call leaves one to be freed that is as large as
 * counts; none of its pages is ever touched. Other allocators do not mind.
 */
export function allocateLarge(length: number): NonSharedBuffer {
  if (!keeps) {
    keeps = true;
    Buffer.allocUnsafeSlow(mostThatCounts);
  }
  return Buffer.allocUnsafeSlow(length);
}

let keeps = false;

/** A block of at most 32 MiB, what malloc itself needs of it included, on systems of 64 bits. Twice as much is kept then. */
const mostThatCounts = 32 * 1024 * 1024 - 8192;
