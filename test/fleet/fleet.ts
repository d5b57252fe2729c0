import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { asNobody, emptyFolder, type Service, start } from '../applications/service.ts';
import { libraries, unpacked } from '../applications/unpacked.ts';
import type { IdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';

/** Three servers, on addresses of their own. */
export const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const;
/** Milliseconds. */
export const rotateEvery = 2000;

/** What a server tells, see server.mjs. */
interface Told {
  readonly port?: number;
  readonly failed?: string;
  readonly storeFailed?: string;
  readonly recovered?: boolean;
  readonly rotated?: boolean;
}

interface ServerSettings {
  readonly by: 'ktls' | 'node:tls';
  readonly identity: IdentityFiles;
  readonly redisPort: number;
  readonly secret: string;
}

/** A server process that can be killed and comes back at the same address. */
export class FleetServer {
  readonly host: string;
  readonly told: Told[] = [];
  port = 0;
  readonly #settings: ServerSettings;
  #child: ChildProcessByStdio<null, Readable, null> | undefined;

  constructor(host: string, settings: ServerSettings) {
    this.host = host;
    this.#settings = settings;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { by, identity, redisPort, secret } = this.#settings;
    // Both kinds of clients keep their keys together.
    const client = this.host === hosts[0] ? 'redis' : 'ioredis';
    const words = [
      by,
      this.host,
      this.port,
      identity.files.cert,
      identity.files.key,
      client,
      redisPort,
      secret,
      rotateEvery,
    ];
    const child = spawn(process.execPath, ['--no-warnings', file, ...words.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const listening = new Promise<number>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        const told: Told = JSON.parse(line);
        this.told.push(told);
        if (told.port !== undefined) resolve(told.port);
      });
      child.once('exit', (code) => reject(new Error(`the server at ${this.host} ended with ${code}`)));
    });
    this.port = await listening;
  }

  async kill(): Promise<void> {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

const file = fileURLToPath(new URL('server.mjs', import.meta.url));

/** HAProxy, which passes each connection on to one of `servers`, by chance, and to another one where that is gone. */
export function startHaproxy({ folder }: IdentityFiles, servers: readonly FleetServer[]): Promise<Service> {
  const config = join(folder, `haproxy-${servers[0]?.port}.cfg`);
  return start({
    ready: /Loading success|New worker/,
    environment: libraries(),
    signal: 'SIGTERM',
    command: (port) => {
      const lines = servers.map(({ host, port: behind }, n) => `  server s${n} ${host}:${behind}`);
      writeFileSync(
        config,
        `
defaults
  mode tcp
  timeout connect 100ms
  timeout client 20s
  timeout server 20s
  retries 3
  option redispatch 1
listen fleet
  bind 127.0.0.1:${port}
  balance random
${lines.join('\n')}
`,
      );
      return [unpacked('usr/sbin/haproxy'), '-W', '-f', config];
    },
  });
}

/** Redis without TLS, at `port` where that is given: it has lost all then. */
export async function startPlainRedis(identity: IdentityFiles, port?: number): Promise<Service> {
  const data = emptyFolder(identity, 'redis');
  const server = join(data, 'redis-server');
  symlinkSync(program('redis-check-rdb'), server);
  const service = await start({
    ready: /Ready to accept connections/,
    command: (free) =>
      asNobody([server, '--port', String(port ?? free), '--bind', '127.0.0.1', '--dir', data, '--save', '']),
  });
  return { port: port ?? service.port, stop: () => service.stop() };
}
