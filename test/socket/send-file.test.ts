import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import * as ktls from '../../src/index.ts';
import { sendFile, sendWithFiles } from '../../src/socket/send-file.ts';
import { describeFileFaults } from './file-faults.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { listenUntilEnd, owned } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe.each(['native', 'wasm'] as const)('on %s', (portableLayer) => {
  describeFileFaults(async () => {
    const layer = { ktls: 'off', portableLayer } as const;
    const server = ktls.createServer({ ...identities.server, ...layer });
    const port = await listenUntilEnd(server);
    const trusting = { host: '127.0.0.1', servername: 'localhost', ca: identities.authority.cert };
    const client = owned(ktls.connect({ port, ...trusting, ...layer }));
    const [accepted]: ktls.TLSSocket[] = await once(server, 'secureConnection');
    if (!accepted) throw new Error('no connection');
    return { server: owned(accepted), client };
  });
});

test('a file that is corked with what is written before and behind it', async () => {
  const server = ktls.createServer(identities.server, async (socket) => {
    socket.cork();
    socket.write('before ');
    const sending = socket.sendFile(import.meta.filename, { start: 0, length: 6 });
    socket.write(' behind');
    socket.uncork();
    socket.end();
    await sending;
  });
  const port = await listenUntilEnd(server);
  const { cert: ca } = identities.authority;
  const client = owned(ktls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca }));
  let text = '';
  for await (const chunk of client) text += chunk;
  expect(text).toBe('before import behind');
});

test('a file that is aborted before its turn is not expected', async () => {
  const chunks: Uint8Array[] = [];
  const stream = { write: (chunk: Uint8Array) => chunks.push(chunk) };
  const controller = new AbortController();
  const sending = sendFile(stream, import.meta.filename, { signal: controller.signal }).catch((error) => error);
  controller.abort();
  expect(await sending).toMatchObject({ name: 'AbortError' });
  const told: string[] = [];
  const connection = new Proxy<Partial<Connection>>({}, { get: (_, name) => () => told.push(String(name)) });
  await sendWithFiles(chunks, connection as Connection, () => {});
  expect(told).toEqual([]);
});

test('what is read once somebody was told of an abort is not sent: the file may be another by then', async () => {
  const chunks: Uint8Array[] = [];
  const stream = { write: (chunk: Uint8Array) => chunks.push(chunk) };
  const controller = new AbortController();
  let isRead = (): void => {};
  const read = new Promise<void>((resolve) => {
    isRead = resolve;
  });
  const handle = {
    fd: 99,
    stat: async () => ({ size: 10 }),
    read: async () => {
      controller.abort();
      await read;
      return { bytesRead: 10 };
    },
  };
  const sending = sendFile(stream, handle as unknown as FileHandle, { signal: controller.signal }).catch(
    (error) => error,
  );
  const told: string[] = [];
  const connection = {
    sendsFiles: false,
    expectFile: (_length: number, done: () => void) => done(),
    write: (_parts: unknown, done: () => void) => {
      told.push('write');
      done();
    },
  };
  const sent = sendWithFiles(chunks, connection as unknown as Connection, () => {});
  expect(await sending).toMatchObject({ name: 'AbortError' });
  isRead();
  await sent;
  expect(told).toEqual([]);
});
