import { once } from 'node:events';
import type { Server } from 'node:net';
import type { Site } from '../files/site.ts';
import { createServer, type FileServerOptions, type Server as HttpsServer, serveFiles } from '../https.ts';
import type { KtlsMode } from '../index.ts';
import { connectionLine } from './connection-lines.ts';
import { ConnectionWatch } from './inspect/connection-watch.ts';
import { startInspector } from './inspect/inspector.ts';
import { listingPage, listingPolicy } from './listing.ts';
import { LiveLines } from './live-lines.ts';
import { startMetrics } from './metrics-server.ts';
import type { Output } from './output.ts';
import { bytesInWords, count } from './quantities.ts';
import type { Identity } from './self-signed.ts';

export interface Serving {
  readonly site: Site;
  readonly host: string;
  readonly port: number;
  readonly identity: Identity;
  readonly dotfiles: boolean;
  readonly fingerprint: string;
  /** The certificate was made here, and nobody knows it. */
  readonly isOwn: boolean;
  readonly ktls: KtlsMode;
  /** Of the page that shows the connections; undefined: there is none. */
  /** The key for Encrypted ClientHello, PEM. */
  readonly ech: { readonly keys: Buffer } | undefined;
  readonly inspectPort: number | undefined;
  readonly inspectHost: string;
  /** Of the numbers for Prometheus; undefined: there are none. */
  readonly metricsPort: number | undefined;
  readonly json: boolean;
}

/** Serves until interrupted. Rejects when it cannot listen, or cannot use the key. */
export async function serveSite(what: Serving, output: Output): Promise<void> {
  const { site, host, port, identity, ech, ktls } = what;
  const server = createServer({ ...identity, ech, ktls, handshakeTimeout });
  server.maxConnections = mostConnections;
  server.maxRequestsPerSocket = mostRequests;
  server.setTimeout(idleTimeout);
  const listing: FileServerOptions['listing'] = (names, entries, more) => ({
    html: listingPage(names, entries, more),
    headers: { 'content-security-policy': listingPolicy },
  });
  const files = serveFiles(site.root, { dotfiles: what.dotfiles, listing });
  server.on('request', (request, response) => files(request, response));
  const watch = new ConnectionWatch(server);
  server.listen(port, host);
  await once(server, 'listening');
  const interruption = output.interruption();
  const url = urlOf(host, portOf(server));
  const { inspector, metrics } = await startPages(what, { watch, url }).catch(async (error: unknown) => {
    await stop(server, watch);
    throw error;
  });
  const told = { ...what, url, inspector: inspector?.url, metrics: metrics?.url, watch, output };
  const close = (what.json ? tellPrograms : tellPeople)(told);
  if (!interruption.aborted) await once(interruption, 'abort');
  await stop(server, watch);
  inspector?.close();
  metrics?.close();
  close();
}

/** Rejects when one of them cannot listen, and none does then. */
async function startPages(what: Serving, { watch, url }: { watch: ConnectionWatch; url: string }) {
  const { inspectHost: host, inspectPort, metricsPort } = what;
  const inspector =
    inspectPort === undefined ? undefined : await startInspector(watch, { host, port: inspectPort, serves: url });
  try {
    return { inspector, metrics: metricsPort === undefined ? undefined : await startMetrics(metricsPort) };
  } catch (error) {
    inspector?.close();
    throw error;
  }
}

interface Told extends Serving {
  readonly url: string;
  readonly inspector: string | undefined;
  readonly metrics: string | undefined;
  readonly watch: ConnectionWatch;
  readonly output: Output;
}

/** Lines for people; what is returned ends them. */
function tellPeople({ site, url, inspector, metrics, isOwn, fingerprint, watch, output }: Told): () => void {
  const { report, stdout } = output;
  report.line(`${report.style('bold', url)}  serves ${site.root}`);
  if (inspector !== undefined) report.fact('inspect', report.style('bold', inspector));
  if (metrics !== undefined) report.fact('metrics', report.style('bold', metrics));
  const trust = isOwn ? ['made just now: clients do not know it (curl -k, or --write-cert)'] : [];
  report.fact('certificate', ...trust, `SHA-256 ${fingerprint}`);
  report.line('Ctrl-C ends it.');
  report.line();
  const lines = new LiveLines(report, stdout);
  const showLive = (): void => {
    const living = watch.live.filter(({ isSecure }) => isSecure);
    lines.show(living.map((connection) => connectionLine(report, connection.view())));
  };
  if (report.isTerminal) setInterval(showLive, 250).unref();
  else watch.on('secure', (connection) => lines.line(connectionLine(report, connection.view())));
  watch.on('over', (view) => {
    lines.line(connectionLine(report, view));
    showLive();
  });
  return () => {
    const { connections, read, written } = watch.totals();
    lines.show([]);
    lines.line(
      `Ended after ${count(connections, 'connection')}, ${bytesInWords(written)} out, ${bytesInWords(read)} in.`,
    );
  };
}

/** The same for programs, a line each. */
function tellPrograms({ site, url, inspector, metrics, fingerprint, watch, output }: Told): () => void {
  const tell = (event: string, about: object): void => output.json({ event, ...about }, 'line');
  const pages = { ...(inspector !== undefined && { inspect: inspector }), ...(metrics !== undefined && { metrics }) };
  tell('listening', { url, folder: site.root, fingerprint, ...pages });
  watch.on('secure', (connection) => tell('secure', connection.view()));
  watch.on('over', (view) => tell(view.state, view));
  return () => tell('ended', watch.totals());
}

/** Connections without a request end at once, the others when they have been answered, or after a while. */
async function stop(server: HttpsServer, watch: ConnectionWatch): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const timer = setTimeout(() => {
    server.closeAllConnections();
    for (const { socket } of watch.live) socket.destroy();
  }, patience);
  // Before its handshake is done, the HTTP server does not know a connection.
  for (const { socket, isSecure } of watch.live) if (!isSecure) socket.destroy();
  await closed;
  // The server has closed its connections, which tell so a little later.
  while (watch.live.length > 0) await once(watch, 'over');
  clearTimeout(timer);
  watch.stop();
}

function urlOf(host: string, port: number): string {
  const local = ['127.0.0.1', '::1', '0.0.0.0', '::'].includes(host);
  return `https://${local ? 'localhost' : host}:${port}/`;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}

const handshakeTimeout = 10_000;
const idleTimeout = 120_000;
const patience = 2_000;
const mostConnections = 1024;
const mostRequests = 10_000;
