/** AES in counter mode (NIST SP 800-38A §6.5), made outside of OpenSSL. */
export interface CounterMode {
  /** From how many blocks of 16 bytes on it is quicker than OpenSSL is here. */
  readonly leastBlocks: number;
  /**
   * `length` bytes at `from`, XORed with the keystream, to `to`, which is the same place or apart from it. The key, and the first counter
   * block of 16 bytes, are in `memory`, too. True: done. Throws where it cannot.
   */
  readonly apply: (
    memory: Uint8Array,
    key: number,
    keyLength: number,
    counter: number,
    from: number,
    to: number,
    length: number,
  ) => boolean;
}
