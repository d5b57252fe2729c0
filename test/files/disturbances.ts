import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import nodeTls from 'node:tls';
import { type Server, watch, whenClosed } from './answers.ts';

/** Who has to do with a file that is being sent. */
interface Parties {
  readonly client: nodeTls.TLSSocket;
  readonly stream: ReadStream;
  readonly response: ServerResponse;
  /** Is given what somebody gets who is not to get all of it, or nothing. */
  readonly hear: (chunk: Buffer | string) => void;
}

/** When somebody does something: at once, at an event of the stream, some turns after it is ready, or when a client has got so many bytes. */
export type Moment =
  | 'at once'
  | { readonly event: 'open' | 'ready' }
  | { readonly turns: number }
  | { readonly bytes: number };

/** What ends a response early. */
export const aborts = {
  'the client leaves': ({ client }: Parties) => client.destroy(),
  // node:https takes a client that sends no more for one that is gone.
  'the client sends no more': ({ client }: Parties) => client.end(),
  'the stream is destroyed': ({ stream }: Parties) => stream.destroy(),
  'the stream is destroyed with an error': ({ stream }: Parties) => stream.destroy(new Error('no more')),
  'the response is destroyed': ({ response }: Parties) => response.destroy(),
  'the connection is destroyed': ({ response }: Parties) => response.socket?.destroy(),
};

/** What loses nothing of the file. */
export const interruptions = {
  nothing: () => {},
  'the client pauses': async ({ client }: Parties) => {
    client.pause();
    await turns(20);
    client.resume();
  },
  'the response is corked for a while': async ({ response }: Parties) => {
    response.cork();
    await turns(20);
    response.uncork();
  },
  'the stream is taken out and put back': async ({ stream, response }: Parties) => {
    stream.unpipe(response);
    await turns(3);
    stream.pipe(response);
  },
  'somebody else writes the rest': async ({ stream, response }: Parties) => {
    stream.unpipe(response);
    await turns(3);
    if (stream.readableEnded) response.end();
    else stream.on('data', (chunk) => response.write(chunk)).once('end', () => response.end());
    stream.resume();
  },
  'somebody else listens, too': ({ stream, hear }: Parties) => stream.on('data', hear),
  'the stream is paused for a while': async ({ stream, client, hear }: Parties) => {
    stream.pause();
    client.on('data', hear);
    await turns(20);
    client.off('data', hear);
    stream.resume();
  },
};

export interface Disturbance {
  readonly path: string;
  /** Of the file. */
  readonly length: number;
  readonly connect: 'pipe' | 'pipeline';
  readonly moment: Moment;
  readonly act: (parties: Parties) => unknown;
}

/** What comes of it: what a client has got, and what is seen on the server's side once nothing is left of it. */
export interface Outcome {
  readonly bytes: Buffer;
  readonly heard: number;
  readonly bytesRead: number;
  /** How far the stream's bytesRead was at most behind what the client had got by then. */
  readonly behind: number;
  readonly seen: Readonly<Record<'stream' | 'response', readonly string[]>>;
}

/** One response that is disturbed. All that is left is destroyed at the end. */
export async function disturb(server: Server, { path, length, connect, moment, act }: Disturbance): Promise<Outcome> {
  const client = nodeTls.connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
  const chunks: Buffer[] = [];
  client.on('error', () => {}).on('data', (chunk) => chunks.push(chunk));
  const left = once(client, 'close');
  const response = await new Promise<ServerResponse>((resolve) => {
    server.onRequest((_request, told) => resolve(told));
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  });
  response.sendDate = false;
  response.setHeader('content-length', length);
  const stream = createReadStream(path);
  const seen = watch(stream, response, () => typeof Reflect.get(stream, 'fd') === 'number');
  const [answered, closed] = [once(response, 'close'), whenClosed(stream)];
  const opened = once(stream, 'ready');
  opened.catch(() => {});
  if (connect === 'pipe') stream.pipe(response);
  else pipeline(stream, response, (error) => seen.stream.push(`done ${error?.message}`));
  await reached(moment, stream, client);
  let [behind, heard] = [0, 0];
  const hear = (chunk: Buffer | string): void => {
    heard += chunk.length;
  };
  const compare = (): void => {
    behind = Math.max(behind, bodyOf(chunks).length - stream.bytesRead);
  };
  response.once('close', compare);
  compare();
  await act({ client, stream, response, hear });
  // One that is piped leaves its destination as it is; a destination that is gone leaves it as it is.
  if (stream.destroyed) {
    await closed;
    response.destroy();
  }
  await Promise.all([answered, Promise.race([opened, closed])]);
  await turns(3);
  if (stream.destroyed) await closed;
  // Whether one that is destroyed was waiting for room just then is chance.
  const isFlowing = stream.readableEnded || (!stream.destroyed && stream.readableFlowing);
  seen.stream.push(`left ${stream.destroyed} ${isFlowing}`);
  stream.destroy();
  await closed;
  await left;
  return { bytes: Buffer.concat(chunks), heard, bytesRead: stream.bytesRead, behind, seen };
}

export function bodyOf(chunks: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(chunks);
  const head = bytes.indexOf('\r\n\r\n');
  return head < 0 ? Buffer.alloc(0) : bytes.subarray(head + 4);
}

async function reached(moment: Moment, stream: ReadStream, client: nodeTls.TLSSocket): Promise<void> {
  if (moment === 'at once') return;
  if ('event' in moment) await once(stream, moment.event);
  else if ('turns' in moment) {
    await once(stream, 'ready');
    await turns(moment.turns);
  } else {
    let left = moment.bytes;
    await new Promise<void>((resolve) => {
      const count = (chunk: Buffer): void => {
        left -= chunk.length;
        if (left > 0) return;
        client.off('data', count);
        resolve();
      };
      client.on('data', count);
    });
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
