import { type Channel, channel } from 'node:diagnostics_channel';
import type net from 'node:net';

/** What is published on `ktls.connection.*`. No message has a secret in it. */
export interface ConnectionMessages {
  /** TLS begins on a stream: the handshake has not. */
  open: About;
  /** The handshake has ended well; what judges the peer has not been asked yet. */
  secure: About & {
    /** 'TLSv1.2', 'TLSv1.3' */
    readonly version: string;
    /** The suite's name in the standards. */
    readonly cipherSuite: string | undefined;
    readonly group: string | undefined;
    readonly resumed: boolean;
    readonly serverName: string | undefined;
    readonly alpnProtocol: string | undefined;
  };
  /** A direction has another record layer than before: `socket.recordLayer` has both, and the reasons. */
  layer: About;
  /** A direction has new keys. `epoch`: 0 for the first ones, one more with each change (RFC 8446 §7.2). */
  keys: About & { readonly direction: 'read' | 'write'; readonly epoch: number };
  /** The socket was destroyed with an error. */
  failed: About & { readonly error: Error };
  /** The socket was destroyed, with an error or without. Bytes are of plaintext. */
  closed: About & {
    readonly bytesRead: number;
    readonly bytesWritten: number;
    /** Those written that were of files: sent by the kernel without being read, or read and written. */
    readonly fileBytes: { readonly sendfile: number; readonly read: number };
  };
}

interface About {
  /** The TLSSocket. */
  readonly socket: net.Socket;
  readonly isServer: boolean;
}

/** What is published on `ktls.tickets.*`. */
interface TicketMessages {
  /** Another key of a keyring seals tickets. `keyring`: the TicketKeyring of ktls/tickets. */
  ticketsRotated: { readonly keyring: object };
  /** The store of a keyring, or of sessions, could not be asked or its answer not be used. */
  ticketsFailed: { readonly error: Error };
}

/** All that is published, by the names that it has here. */
interface Messages extends ConnectionMessages, TicketMessages {}

type Name = keyof Messages;

const channels: Readonly<Record<Name, Channel>> = {
  open: channel('ktls.connection.open'),
  secure: channel('ktls.connection.secure'),
  layer: channel('ktls.connection.layer'),
  keys: channel('ktls.connection.keys'),
  failed: channel('ktls.connection.failed'),
  closed: channel('ktls.connection.closed'),
  ticketsRotated: channel('ktls.tickets.rotated'),
  ticketsFailed: channel('ktls.tickets.failed'),
};

/** Whether anybody would be told. */
export function isWatched(name: Name): boolean {
  return channels[name].hasSubscribers;
}

/** Tells who subscribed. `message` is called only where somebody did. */
export function publish<One extends Name>(name: One, message: () => Messages[One]): void {
  if (channels[name].hasSubscribers) channels[name].publish(message());
}

/** For the parts of this package that listen, until what is answered is called. What a listener throws is the process's to hear of, and no connection's. */
export function subscribe<One extends Name>(name: One, listener: (message: Messages[One]) => void): () => void {
  // Only this file publishes there.
  const untyped: (message: never) => void = listener;
  Reflect.apply(channels[name].subscribe, channels[name], [untyped]);
  return () => Reflect.apply(channels[name].unsubscribe, channels[name], [untyped]);
}
