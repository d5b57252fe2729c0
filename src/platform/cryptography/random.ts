import { randomFillSync } from 'node:crypto';

/** Fills `target` from node:crypto's generator, which is asked for many handshakes at a time: each call takes some 5 µs. */
export function fillRandom(target: Uint8Array): void {
  if (target.length > longestPooled) {
    randomFillSync(target);
    return;
  }
  if (pool.length - at < target.length) {
    randomFillSync(pool);
    at = 0;
  }
  const end = at + target.length;
  target.set(pool.subarray(at, end));
  // What has been given out must not be found here.
  pool.fill(0, at, end);
  at = end;
}

const longestPooled = 256;
const pool = Buffer.allocUnsafeSlow(4096);
let at = pool.length;
