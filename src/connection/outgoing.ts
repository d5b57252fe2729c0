import { codedError } from '../errors/coded.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import { wipeTrafficKeys } from '../record/crypto-info.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';

export type Done = (error?: Error | null) => void;

/** Bytes of an open file. */
export interface FilePart {
  /** Asked for when the part is sent; negative once the file is closed. */
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
}

/** `sent` is less than asked for when the socket took no more, 0 where the file ends; 'refused': the file is one to be read. */
export type FileDone = (error: Error | null, sent: number | 'refused') => void;

/**
 * What is still to be sent. Key changes, the kernel's takeover, control records on the kernel, and FIN are barriers: all before them leaves
 * first.
 */
export type Item =
  | { readonly kind: 'ciphertext'; readonly bytes: Uint8Array; readonly done: Done }
  | { readonly kind: 'record'; readonly type: ContentTypeByte; readonly fragment: Uint8Array; readonly done: Done }
  | { readonly kind: 'file'; readonly file: FilePart; readonly done: FileDone }
  | { readonly kind: 'keys'; readonly keys: TrafficKeys }
  | { readonly kind: 'takeOver'; readonly done: Done }
  | { readonly kind: 'end'; readonly done: () => void };

/** Wipes what is secret, and tells whoever waits that it was not sent. */
export function giveUp(item: Item): void {
  switch (item.kind) {
    case 'keys':
      wipeTrafficKeys(item.keys);
      break;
    case 'file':
      item.done(streamDestroyed(), 0);
      break;
    case 'end':
      break;
    default:
      item.done(streamDestroyed());
  }
}

/** As node:stream has it. */
export function streamDestroyed(): Error {
  return codedError('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');
}
