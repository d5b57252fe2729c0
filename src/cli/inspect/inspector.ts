import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { isIP } from 'node:net';
import type { Snapshot } from './connection-view.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { pageHtml } from './page-html.ts';
import { pageStyle } from './page-style.ts';
import type { WatchedConnection } from './watched-connection.ts';

export interface Inspector {
  readonly url: string;
  close(): void;
}

export interface InspectorOptions {
  readonly host: string;
  readonly port: number;
  /** The address of the server that is watched. */
  readonly serves: string;
}

/** Serves a page that shows the watched connections as they live. Rejects when it cannot listen. */
export async function startInspector(watch: ConnectionWatch, options: InspectorOptions): Promise<Inspector> {
  const { host, port, serves } = options;
  const readers = new Readers(watch, serves);
  const server = http.createServer((request, response) => {
    // A name of somebody else's that leads to this machine must not make a browser read the page for them.
    if (!isOurName(request.headers.host, host)) return refuse(response, 403);
    if (request.method !== 'GET') return refuse(response, 405);
    if (request.url === '/events') return readers.add(response);
    if (request.url === '/connections.json') return send(response, 'application/json', JSON.stringify(readers.all()));
    const file = files.get(request.url ?? '');
    return file ? send(response, file.type, file.read()) : refuse(response, 404);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const listening = address !== null && typeof address !== 'string' ? address.port : port;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${listening}/`,
    close() {
      readers.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Those who have the page open: each is sent everything first, then what has changed. */
class Readers {
  readonly #watch: ConnectionWatch;
  readonly #serves: string;
  readonly #responses = new Set<http.ServerResponse>();
  readonly #changed = new Map<number, WatchedConnection>();
  readonly #timer: NodeJS.Timeout;

  constructor(watch: ConnectionWatch, serves: string) {
    this.#watch = watch;
    this.#serves = serves;
    watch.on('changed', (connection) => {
      if (this.#responses.size > 0) this.#changed.set(connection.id, connection);
    });
    this.#timer = setInterval(() => this.#tell(), tellInterval);
    this.#timer.unref();
  }

  add(response: http.ServerResponse): void {
    if (this.#responses.size >= mostReaders) {
      refuse(response, 503);
      return;
    }
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
    response.write(asEvent(this.all()));
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
  }

  all(): Snapshot {
    return this.#snapshot(this.#watch.views().slice(-mostConnections));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const response of this.#responses) response.end();
  }

  #tell(): void {
    if (this.#changed.size === 0) return;
    const newest = [...this.#changed.values()].toSorted((a, b) => a.id - b.id).slice(-mostConnections);
    this.#changed.clear();
    const event = asEvent(this.#snapshot(newest.map((connection) => connection.view())));
    for (const response of this.#responses) {
      // Who does not read is not remembered for: the page connects again, and gets everything.
      if (response.writableLength > mostWaiting) response.destroy();
      else response.write(event);
    }
  }

  #snapshot(connections: Snapshot['connections']): Snapshot {
    return { serves: this.#serves, totals: this.#watch.totals(), connections };
  }
}

function asEvent(snapshot: Snapshot): string {
  return `data: ${JSON.stringify(snapshot)}\n\n`;
}

/** Where it listens everywhere, it may be called anything. */
function isOurName(header: string | undefined, host: string): boolean {
  const name = (header ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return host === '0.0.0.0' || host === '::' || [host, 'localhost', '127.0.0.1', '::1'].includes(name);
}

function send(response: http.ServerResponse, type: string, text: string): void {
  response.writeHead(200, { ...headers, 'content-type': `${type}; charset=utf-8` }).end(text);
}

function refuse(response: http.ServerResponse, status: number): void {
  response.writeHead(status, headers).end();
}

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** The page's own scripts, where the compiler has put them; their imports are relative to each other. */
const scripts = [
  ...['main', 'card', 'elements', 'overview', 'sparkline', 'timeline'].map((name) => `/inspect/page/${name}.js`),
  '/inspect/connection-view.js',
  '/quantities.js',
];

const files: ReadonlyMap<string, { readonly type: string; readonly read: () => string }> = new Map([
  ['/', { type: 'text/html', read: () => pageHtml }],
  ['/page.css', { type: 'text/css', read: () => pageStyle }],
  ...scripts.map((path) => {
    const read = (): string => readFileSync(new URL(`..${path}`, import.meta.url), 'utf8');
    return [path, { type: 'text/javascript', read }] as const;
  }),
]);

const tellInterval = 250;
const mostReaders = 16;
const mostConnections = 200;
const mostWaiting = 4 * 2 ** 20;
