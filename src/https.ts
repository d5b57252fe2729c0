import type { ClientRequest, IncomingMessage, RequestListener } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { carryServer } from './adapters/carry-server.ts';
import { connectionName, type KtlsOptions, refuseEchOfNodeTls, type ServerTickets } from './adapters/options.ts';
import { connect, type TLSSocket } from './tls.ts';

export { type FileHandler, type FileServerOptions, type ListingPage, serveFiles } from './files/file-server.ts';
export { type FileResponse, sendFile } from './files/response-file.ts';
export type { Entry } from './files/site.ts';

export type ServerOptions = https.ServerOptions & KtlsOptions & ServerTickets;
export type AgentOptions = https.AgentOptions & KtlsOptions;
export type RequestOptions = https.RequestOptions & KtlsOptions;

type Callback = (response: IncomingMessage) => void;

/** node:https's Server, carried by this library. */
export class Server extends https.Server {
  constructor(options?: ServerOptions | RequestListener | null, requestListener?: RequestListener) {
    const given = typeof options === 'object' && options !== null ? options : {};
    super(given, typeof options === 'function' ? options : requestListener);
    carryServer(this, given);
  }
}

/** As https.createServer of node:https. */
export function createServer(
  options?: ServerOptions | RequestListener | null,
  requestListener?: RequestListener,
): Server {
  return new Server(options, requestListener);
}

/** node:https's Agent, whose connections are this library's; those through a proxy are node:tls's. */
export class Agent extends https.Agent {
  readonly #sessions = new Map<string, Buffer>();
  readonly #judgedForOneRequest = new WeakSet<Duplex>();

  constructor(options?: AgentOptions) {
    super(options);
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    if (Reflect.get(this.options, 'proxyEnv')) {
      refuseEchOfNodeTls(options);
      return super.createConnection(options, callback);
    }
    const { checkServerIdentity } = options;
    if (checkServerIdentity && checkServerIdentity !== this.options.checkServerIdentity) {
      // What one request thinks of a server says nothing about others: neither session nor connection is used again.
      const socket = connectAs(options);
      this.#judgedForOneRequest.add(socket);
      return socket;
    }
    const name = this.getName(options);
    const socket = connectAs({ session: this.#sessions.get(name), ...options });
    socket.on('session', (session: Buffer) => this.#keepSession(name, session));
    socket.once('close', (failed: boolean) => {
      if (failed) this.#sessions.delete(name);
    });
    return socket;
  }

  override keepSocketAlive(socket: Duplex): boolean {
    if (this.#judgedForOneRequest.has(socket)) return false;
    const kept: unknown = super.keepSocketAlive(socket);
    return kept === true;
  }

  /** Requests that want different things of this library share neither connections nor sessions. */
  override getName(options?: RequestOptions): string {
    return super.getName(options) + connectionName(options);
  }

  #keepSession(name: string, session: Buffer): void {
    const { maxCachedSessions = 100 } = this.options;
    if (maxCachedSessions === 0) return;
    if (!this.#sessions.has(name) && this.#sessions.size >= maxCachedSessions) {
      for (const oldest of this.#sessions.keys()) {
        this.#sessions.delete(oldest);
        break;
      }
    }
    this.#sessions.set(name, session);
  }
}

/** A request's options are a connection's, too. */
function connectAs(options: object): TLSSocket {
  return Reflect.apply(connect, undefined, [options]);
}

/** As node:https has it. */
export const globalAgent: Agent = new Agent({ ...https.globalAgent.options });

/** As https.request of node:https. */
export function request(options: RequestOptions | string | URL, callback?: Callback): ClientRequest;
export function request(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest;
export function request(...args: RequestArguments): ClientRequest {
  return Reflect.apply(https.request, https, withAgent(args));
}

/** As https.get of node:https. */
export function get(options: RequestOptions | string | URL, callback?: Callback): ClientRequest;
export function get(url: string | URL, options: RequestOptions, callback?: Callback): ClientRequest;
export function get(...args: RequestArguments): ClientRequest {
  return Reflect.apply(https.get, https, withAgent(args));
}

type RequestArguments = readonly (RequestOptions | string | URL | Callback | undefined)[];

/** The arguments with an agent of ours where there would be one of node:https's. */
function withAgent(args: RequestArguments): RequestArguments {
  const hasUrl = typeof args[0] === 'string' || args[0] instanceof URL;
  const target = hasUrl ? args.slice(0, 1) : [];
  const [first, ...others] = args.slice(target.length);
  const options = typeof first === 'object' && !(first instanceof URL) ? first : {};
  const rest = typeof first === 'function' ? [first] : others;
  return [...target, { ...options, agent: agentFor(options) }, ...rest];
}

function agentFor(options: RequestOptions): RequestOptions['agent'] {
  const { agent, createConnection } = options;
  if (agent === false) return new Agent();
  if (agent && !(agent instanceof Agent)) refuseEchOfNodeTls(options);
  return agent ?? (createConnection ? undefined : adapter.globalAgent);
}

const adapter: {
  Agent: typeof Agent;
  Server: typeof Server;
  createServer: typeof createServer;
  get: typeof get;
  /** May be assigned to, as node:https's. */
  globalAgent: Agent;
  request: typeof request;
} = { Agent, Server, createServer, get, globalAgent, request };

export { adapter as default, adapter as 'module.exports' };
