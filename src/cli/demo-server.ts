import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { TLSSocket } from '../index.ts';
import type { TlsImplementation } from './implementations.ts';
import { describeRecords } from './records.ts';
import type { Identity } from './self-signed.ts';
import { receiveBody, sendBody } from './transfers.ts';

/** An HTTPS server that tells about its connections, sends as many bytes as wanted and counts what it is sent. */
export interface DemoServer {
  readonly port: number;
  /** The next connection, once its handshake is done on this side. */
  nextSocket(): Promise<net.Socket>;
  close(): void;
}

/** On 127.0.0.1; `onClientError` is told of handshakes that failed. */
export async function startDemoServer(
  tls: TlsImplementation,
  options: { identity: Identity; port?: number; onClientError?: (error: Error) => void },
): Promise<DemoServer> {
  const web = http.createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const server = tls.createServer(options.identity);
  server.on('secureConnection', (socket: net.Socket) => {
    web.emit('connection', socket);
  });
  server.on('tlsClientError', (error: Error) => options.onClientError?.(error));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    nextSocket: () => new Promise((resolve) => server.once('secureConnection', resolve)),
    close() {
      server.close();
      web.closeAllConnections();
    },
  };
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const length = /^\/bytes\/(\d{1,15})$/.exec(request.url ?? '')?.[1];
  if (request.method === 'POST' && request.url === '/sha256') {
    const hash = createHash('sha256');
    await receiveBody(request, (part) => hash.update(part));
    say(response, `${hash.digest('hex')}\n`);
  } else if (request.method === 'POST') {
    say(response, `${await receiveBody(request)}\n`);
  } else if (length !== undefined) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
    await sendBody(response, Number(length));
  } else if (request.url === '/') {
    say(response, describe(request.socket));
  } else {
    response.statusCode = 404;
    say(response, 'There are: GET /, GET /bytes/NUMBER, POST /, POST /sha256\n');
  }
}

function say(response: http.ServerResponse, text: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(text);
}

function describe(socket: net.Socket): string {
  if (!(socket instanceof TLSSocket)) return 'node:tls\n';
  const { layers, reasons } = describeRecords({ server: socket.recordLayer });
  const suite = [socket.getProtocol(), socket.getCipher()?.standardName, socket.getGroup()].join(' ');
  return `${[suite, ...layers, ...reasons].join('\n')}\n`;
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}
