import { Buffer, type NonSharedBuffer } from 'node:buffer';

/**
 * New memory, as `Buffer.allocUnsafeSlow` has it, for the contents of records or for records. Such garbage is collected some 50 MiB at a time. What glibc's malloc
 * then gives back to the system comes again page by page, and receiving takes up to twice as long. So malloc is led to keep it, as it
 * does by itself where such blocks lie between many small ones:
 *
 * - It maps no block on its own, and unmaps none, that is smaller than the largest one freed so far (mallopt(3), M_MMAP_THRESHOLD). The first
 *   call leaves one to be freed that is as large as counts; none of its pages is ever touched.
 * - It gives back only the end of its heap. Small blocks that stay lie every few MiB.
 *
 * Other allocators do not mind.
 */
export function allocateRecords(length: number): NonSharedBuffer {
  if (allocated === 0) Buffer.allocUnsafeSlow(mostThatCounts);
  allocated += length;
  if (allocated > distance * (marks.length + 1) && marks.length < mostMarks)
    marks.push(Buffer.allocUnsafeSlow(markLength));
  return Buffer.allocUnsafeSlow(length);
}

let allocated = 0;
const marks: Buffer[] = [];

/** A block of at most 32 MiB, what malloc itself needs of it included, on systems of 64 bits. */
const mostThatCounts = 32 * 1024 * 1024 - 8192;

/** Half a MiB of marks in the first 256 MiB that are received, which is more than ever is garbage at a time. */
const distance = 4 * 1024 * 1024;
const mostMarks = 64;
const markLength = 8192;
