/** One packet of a capture file, as it was captured. */
export interface CapturedPacket {
  readonly kind: 'packet';
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly time: bigint;
  /** What the bytes begin with: LINKTYPE_* (www.tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** A view of what was read. */
  readonly bytes: Uint8Array;
  /** How long the packet was on the wire: captures may cut packets off. */
  readonly originalLength: number;
}

/** A Decryption Secrets Block with a TLS key log (pcapng §4.7). */
interface CapturedKeyLog {
  readonly kind: 'keyLog';
  readonly bytes: Uint8Array;
}

/** Something in the file that cannot be used. */
interface CaptureProblem {
  readonly kind: 'problem';
  readonly reason: string;
}

/** Something in the file that is understood as far as that nothing of it is needed. */
interface CaptureUnused {
  readonly kind: 'unused';
  readonly what: string;
}

export type CaptureItem = CapturedPacket | CapturedKeyLog | CaptureProblem | CaptureUnused;

/** Reads one format, from bytes that come in any pieces. */
export interface CaptureFormat {
  /**
   * Reads what stands whole at the start of `bytes`, and says how much that was: what is left is to be shown again, with more behind it.
   * 'end': nothing of what follows can be understood.
   */
  read(bytes: Uint8Array): { readonly consumed: number | 'end'; readonly items: CaptureItem[] };
}

/** Longest block or packet that is read, in bytes: a file that claims more is broken, or meant to make us store it. */
export const maxBlockLength: number = 64 * 2 ** 20;
