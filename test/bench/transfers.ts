import type net from 'node:net';

/** Writes so many bytes, a chunk at a time, and waits where the stream asks for it. */
export function send(socket: net.Socket, length: number, chunk: Buffer): void {
  let left = length;
  const more = (): void => {
    while (left > 0) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!socket.write(part)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}

/** Resolves when so many bytes have come. */
export function received(socket: net.Socket, length: number): Promise<void> {
  return new Promise((resolve) => {
    let left = length;
    const count = (part: Buffer): void => {
      left -= part.length;
      if (left > 0) return;
      socket.off('data', count);
      resolve();
    };
    socket.on('data', count);
  });
}
