/** Protocols that stand around TCP segments, each with a function in layers.ts that takes its header off. */
export type LayerName =
  | 'ethernet'
  | 'etherType'
  | 'llc'
  | 'mpls'
  | 'nsh'
  | 'macsec'
  | 'trill'
  | 'ppp'
  | 'pppoe'
  | 'hdlc'
  | 'frameRelay'
  | 'wifi'
  | 'ip'
  | 'gre'
  | 'udp'
  | 'vxlan'
  | 'vxlanGpe'
  | 'geneve'
  | 'gtpu'
  | 'l2tp'
  | 'teredo'
  | 'gue'
  | 'tzsp'
  | 'lisp'
  | 'capwap'
  | 'etherIp';

/** What stands behind a header. */
export interface Inner {
  readonly layer: LayerName;
  readonly bytes: Uint8Array;
}

/** The same, where a number of IP's table of protocols says what it is. */
interface InnerProtocol {
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

/** A packet goes no further here. */
export interface Dropped {
  /** What it is, in a word or two that stand behind a number. */
  readonly dropped: string;
  /** Said where it is damaged, or of a kind that may well hold TCP: that is worth a message of its own. */
  readonly reason: string | undefined;
}

export type Step = Inner | InnerProtocol | Dropped;

/** Takes a header off. */
export type Peel = (bytes: Uint8Array) => Step;

export function inner(layer: LayerName, bytes: Uint8Array): Inner {
  return { layer, bytes };
}

/** It is something that holds no TCP, or that cannot be looked into. */
export function dropped(what: string): Dropped {
  return { dropped: what, reason: undefined };
}

/** `what` stands behind a number, `reason` alone. */
export function problem(reason: string, what: string): Dropped {
  return { dropped: what, reason };
}

/** What is behind the first `length` bytes; a packet that ends within them is dropped. */
export function behind(layer: LayerName, bytes: Uint8Array, length: number): Step {
  return length > bytes.length ? tooShort : inner(layer, bytes.subarray(length));
}

/** A header is not all there. */
export function cutOff(what: string): Dropped {
  return problem(`a header of ${what} is cut off or broken`, `packets with a broken header of ${what}`);
}

const tooShort = problem('a packet ends within a header', 'packets that end within a header');
