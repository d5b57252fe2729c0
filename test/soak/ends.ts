import { once } from 'node:events';
import net from 'node:net';

/** Sockets that are open, to be waited for until none is. */
export class Ends {
  readonly #open = new Set<net.Socket>();
  #onNone: (() => void) | undefined;

  add(socket: net.Socket): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#onNone?.();
    });
  }

  get size(): number {
    return this.#open.size;
  }

  async none(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
    });
  }
}

export async function listening(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** Resolves to the error that ended it, undefined without any; one of its own where it does not end in time. */
export function ending(socket: net.Socket): Promise<Error | undefined> {
  return new Promise((resolve) => {
    let ended: Error | undefined;
    const late = setTimeout(() => socket.destroy(new Error('a connection did not end')), longest);
    socket.on('error', (error) => {
      ended ??= error;
    });
    socket.once('close', () => {
      clearTimeout(late);
      resolve(ended);
    });
  });
}

/** Passes on so many bytes of both directions together, then breaks off, by RST if it comes so. */
export function breakingRelay(to: number, budgetOf: () => { bytes: number; isReset: boolean }, ends: Ends): net.Server {
  return net.createServer((front) => {
    const back = net.connect(to, '127.0.0.1');
    const { bytes, isReset } = budgetOf();
    let left = bytes;
    const both = [front, back];
    for (const [from, other] of [
      [front, back],
      [back, front],
    ] as const) {
      ends.add(from);
      from.on('error', () => other.destroy()).on('close', () => other.destroy());
      from.on('data', (chunk: Buffer) => {
        other.write(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        for (const one of both) isReset ? one.resetAndDestroy() : one.destroy();
      });
    }
  });
}

/** Milliseconds. */
const longest = 30_000;
