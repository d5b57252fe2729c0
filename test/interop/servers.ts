import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type ConnectOptions, connect, type TLSSocket } from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import { nodePeer } from './clients.ts';
import type { IdentityFiles } from './identity-files.ts';
import { Program, program } from './program.ts';

/** A TLS server. */
export interface ServerPeer {
  readonly name: string;
  /**
   * What it does with data: `stream` writes it to stdout and sends stdin; `echo` sends it back; `http` hands requests to the plain
   * HTTP server at `upstream`.
   */
  readonly does: 'stream' | 'echo' | 'http';
  start(port: number, identity: IdentityFiles, upstream: number): Program;
}

export const serverPeers: readonly ServerPeer[] = [
  {
    name: 'openssl s_server',
    does: 'stream',
    start: (port, identity) => startOpensslServer(port, identity),
  },
  {
    name: 'gnutls-serv',
    does: 'echo',
    start: (port, { files }) => {
      const serving = new Program(program('gnutls-serv'), [
        ...['--echo', '--crlf', '--quiet', '--disable-client-cert', '--port', String(port)],
        ...['--x509certfile', files.cert, '--x509keyfile', files.key],
      ]);
      // It writes there what it echoes.
      serving.stdout.resume();
      return serving;
    },
  },
  {
    name: 'nginx',
    does: 'http',
    start: (port, identity, upstream) => {
      const file = `${identity.folder}/nginx.conf`;
      writeFileSync(file, nginxConfiguration(port, identity, upstream));
      return new Program(program('nginx'), ['-p', identity.folder, '-c', file, '-e', 'stderr']);
    },
  },
  {
    name: 'node:tls server',
    does: 'stream',
    start: (port, { files }) =>
      new Program(process.execPath, [nodePeer, 'server', String(port), files.cert, files.key]),
  },
];

/** `environment` is added to this process's. */
export function startOpensslServer(
  port: number,
  { files }: IdentityFiles,
  environment?: Readonly<Record<string, string>>,
): Program {
  const words = ['s_server', '-quiet', '-accept', `127.0.0.1:${port}`, '-cert', files.cert, '-key', files.key];
  return new Program(program('openssl'), words, environment);
}

/**
 * Starts the server on a free port and connects to it. Most programs cannot choose a port themselves, so between finding and using one
 * another process may take it: then the program ends, and there is another try.
 */
export async function connectTo(
  peer: ServerPeer,
  identity: IdentityFiles,
  options: { upstream: number; connect: ConnectOptions },
): Promise<{ socket: TLSSocket; serving: Program }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const serving = peer.start(port, identity, options.upstream);
    const socket = await connectWhenListening(serving, { ...options.connect, port });
    if (socket) return { socket, serving };
    if (attempt === attempts) throw serving.failure('ended at once');
  }
}

/** No program tells on a pipe when it listens, so connecting is tried until it does or has ended: undefined. */
async function connectWhenListening(serving: Program, options: ConnectOptions): Promise<TLSSocket | undefined> {
  while (!serving.exited) {
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', ...options });
    try {
      await once(socket, 'secureConnect');
      return socket;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')) throw error;
      await setTimeout(retryAfter);
    }
  }
  return undefined;
}

/** One that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

function nginxConfiguration(port: number, { folder, files }: IdentityFiles, upstream: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ALL;
    ssl_certificate ${files.cert};
    ssl_certificate_key ${files.key};
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}
`;
}

const attempts = 3;
const retryAfter = 20;
