import { once } from 'node:events';
import type http from 'node:http';
import type net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach } from 'vitest';
import { listen } from '../helpers/listen.ts';

/** Listens until the test's end. The port. */
export async function serve(server: net.Server): Promise<number> {
  const port = await listen(server);
  closing.push(async () => {
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections();
    server.close();
  });
  return port;
}

/** At the test's end. */
export function afterTest(close: () => unknown): void {
  closing.push(async () => void (await close()));
}

/** Sends a request: what came back, read to its end. */
export async function answerTo(
  request: http.ClientRequest,
  body?: string | Uint8Array,
): Promise<{ response: http.IncomingMessage; socket: net.Socket; body: string }> {
  request.end(body);
  const response = await responseTo(request);
  // A kept connection leaves its response at the end.
  const { socket } = response;
  return { response, socket, body: await text(response) };
}

export async function responseTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  const [response]: http.IncomingMessage[] = await once(request, 'response');
  if (!response) throw new Error('there was no response');
  return response;
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
