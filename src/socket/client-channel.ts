import { channel } from 'node:diagnostics_channel';
import type net from 'node:net';

/**
 * Connects `below`, which diagnostics_channel has to know of as `socket`: who watches the sockets of a process is told of a TLSSocket once, and
 * not of what carries it.
 */
export function connectToldAs(socket: net.Socket, below: net.Socket, connect: () => void): void {
  if (!sockets.hasSubscribers) {
    connect();
    return;
  }
  // net.Socket publishes at once, or not at all.
  Object.defineProperty(sockets, 'publish', {
    configurable: true,
    value(message: object): void {
      const isBelow = Reflect.get(message, 'socket') === below;
      Reflect.apply(Reflect.get(Object.getPrototypeOf(sockets), 'publish'), sockets, [
        isBelow ? { ...message, socket } : message,
      ]);
    },
  });
  try {
    connect();
  } finally {
    Reflect.deleteProperty(sockets, 'publish');
  }
}

const sockets = channel('net.client.socket');
