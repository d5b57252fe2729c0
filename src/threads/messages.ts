import type { MessagePort } from 'node:worker_threads';
import type { Inspection, OpenSSLErrorEntry } from '../connection/handshake.ts';
import type { HandshakeSetup } from '../context/handshake.ts';
import type { PortableContext } from '../context/secure-context.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import { copySecret } from '../protocol/secret-bytes.ts';

/** What a worker is started with. */
export interface WorkerStart {
  /** Answers to {@link Asked}: `ready` has the number of the last. */
  readonly answers: MessagePort;
  readonly ready: SharedArrayBuffer;
}

/** What `ready` has once the worker has ended. */
export const hasEnded = -1;

/** What the main thread sends, in batches. `id`: of a handshake; `context`: of a context. */
export type Order =
  | { readonly kind: 'context'; readonly context: number; readonly portable: PortableContext }
  | { readonly kind: 'forget'; readonly context: number }
  /** For handshakes that have begun, too. */
  | {
      readonly kind: 'ticketKeys';
      readonly context: number;
      readonly keys: Uint8Array<ArrayBuffer>;
      readonly sealing: number;
    }
  | { readonly kind: 'roots'; readonly certificates: readonly string[] }
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly context: number;
      readonly setup: HandshakeSetup;
      /** The main thread's to close, once it was reported to be done with; undefined where that thread gives the records. */
      readonly descriptor: number | undefined;
      /** Nothing behind the handshake may be read from it that the kernel may have to open. */
      readonly readsExactly: boolean;
    }
  /** Nobody waits for it any more. */
  | { readonly kind: 'leave'; readonly id: number }
  | Call
  /** These are not answered. */
  | { readonly kind: 'sawData' | 'logKeys' | 'trace'; readonly id: number }
  | { readonly kind: 'choose'; readonly id: number; readonly context: number; readonly scope: Uint8Array }
  | { readonly kind: 'identity'; readonly id: number; readonly context: number }
  | { readonly kind: 'session' | 'staple'; readonly id: number; readonly bytes: Uint8Array };

/** What a handshake is to do, each answered by a {@link Report} `answer`. */
export type Call =
  | { readonly kind: 'resume' | 'close'; readonly id: number }
  | { readonly kind: 'ciphertext' | 'write'; readonly id: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'plaintext';
      readonly id: number;
      readonly type: ContentTypeByte;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'updateKeys'; readonly id: number; readonly requestPeer: boolean };

/** What an application looks up, for which the main thread waits. */
export type Asked = Question & { readonly number: number };

export type Question =
  | { readonly kind: 'inspect'; readonly id: number; readonly what: Inspected }
  | { readonly kind: 'finishedMessage'; readonly id: number; readonly side: 'own' | 'peer' }
  | {
      readonly kind: 'export';
      readonly id: number;
      readonly length: number;
      readonly label: string;
      readonly context: Uint8Array | undefined;
    };

/** What can be looked up of a handshake. */
export type Inspected = Exclude<keyof Inspection, 'ech' | 'finishedMessage' | 'exportKeyingMaterial'>;

/** What does not change any more once it is done, and is looked at then. */
export type Facts = Pick<Inspection, 'verifiedChain' | 'ephemeralKey'>;

/**
 * The same orders, and what of them is moved and not copied. Each byte array is sent as a copy of exactly those bytes: of a view, all of the memory
 * below it would go, which may be others'.
 */
export function toSend(orders: readonly Order[]): { readonly sent: unknown; readonly moved: ArrayBuffer[] } {
  const moved: ArrayBuffer[] = [];
  const own = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) {
      const bytes = copySecret(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      moved.push(bytes.buffer);
      return bytes;
    }
    if (Array.isArray(value)) return value.map(own);
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, own(inner)]));
  };
  return { sent: own(orders), moved };
}

/** Wipes what is secret in an order, when it has been sent or will not be. */
export function wipeOrder(order: Order): void {
  if (order.kind === 'context') order.portable.ticketKeys.fill(0);
  else if (order.kind === 'ticketKeys') order.keys.fill(0);
  else if ('bytes' in order) order.bytes.fill(0);
}

/** What was asked, or why it cannot be told. */
export type Told = { readonly value: unknown } | { readonly error: Thrown };

/** An error on its way between threads. */
export interface Thrown {
  readonly message: string;
  readonly code: string | undefined;
  /** It is an InstanceLost. */
  readonly isLost: boolean;
  /** Of OpenSSL's queue, where it is one of those. */
  readonly entries: readonly OpenSSLErrorEntry[] | undefined;
}

/** What a worker sends, in batches. */
export type Report =
  | {
      readonly kind: 'answer';
      readonly id: number;
      /** What the engine put out, as wasm/log.c writes it; undefined where OpenSSL's instance is lost. */
      readonly log: Uint8Array<ArrayBuffer> | undefined;
      readonly unread: number;
      readonly inMessage: boolean;
      readonly version: number;
      /** Something has been put out for the peer. */
      readonly hasSpoken: boolean;
      /** With it the descriptor is the main thread's again: what was read behind the handshake. */
      readonly rest: Uint8Array | undefined;
      readonly serverName: string | undefined;
      /** With the end of the handshake. */
      readonly facts: Facts | undefined;
    }
  /** What no call is answered with: what it puts out meanwhile, and the descriptor where it cannot be used there. */
  | {
      readonly kind: 'told';
      readonly id: number;
      readonly log: Uint8Array<ArrayBuffer>;
      readonly rest: Uint8Array | undefined;
    }
  /** Receiving or sending has failed with this errno. */
  | { readonly kind: 'failed'; readonly id: number; readonly errno: number; readonly call: 'read' | 'write' }
  /** The handshake could not be made. */
  | { readonly kind: 'refused'; readonly id: number; readonly error: Thrown }
  /** OpenSSL's instance, or what was done with it, has failed. */
  | { readonly kind: 'lost'; readonly id: number; readonly error: Thrown }
  /** Its descriptor is not used there any more. */
  | { readonly kind: 'closed'; readonly id: number };
