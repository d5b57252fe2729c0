import { createCipheriv } from 'node:crypto';
import type { CounterMode } from '../../engine/host/counter-mode.ts';
import { loadAddon } from '../addon/addon.ts';

/** The addon's, or node:crypto's where there is none. */
export function counterMode(): CounterMode {
  const loaded = loadAddon();
  const apply = 'refused' in loaded ? undefined : loaded.addon.cryptography?.applyCounterMode;
  return apply ? { leastBlocks: worthTheAddon, apply } : nodeCounterMode;
}

export const nodeCounterMode: CounterMode = {
  // Making a Cipheriv takes as long as OpenSSL here takes for so many.
  leastBlocks: 64,
  apply(memory, key, keyLength, counter, from, to, length) {
    const part = (start: number, bytes: number): Uint8Array => memory.subarray(start, start + bytes);
    const cipher = createCipheriv(`aes-${8 * keyLength}-ctr`, part(key, keyLength), part(counter, blockLength));
    const made = cipher.update(part(from, length));
    memory.set(made, to);
    made.fill(0);
    return true;
  },
};

const worthTheAddon = 3;
const blockLength = 16;
