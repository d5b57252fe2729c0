import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type ConnectOptions, checkServerIdentity, connect, type TLSSocket } from '../index.ts';
import { type Address, formatAddress } from './address.ts';
import { CommandError, ktlsMode, ktlsOption, UsageError, wholeNumber } from './command.ts';
import { echConfigsOf } from './ech-command.ts';
import { explainSystemError } from './explain.ts';

/** The options of every command that connects to a server. */
export const connectionOptions: {
  readonly servername: ConnectionOption;
  readonly alpn: ConnectionOption;
  readonly ca: ConnectionOption & { readonly values: 'files' };
  readonly cert: ConnectionOption & { readonly values: 'files' };
  readonly key: ConnectionOption & { readonly values: 'files' };
  readonly ech: ConnectionOption & { readonly values: 'files' };
  readonly ktls: typeof ktlsOption;
  readonly timeout: ConnectionOption & { readonly default: string };
  readonly 'tls1.2': { readonly type: 'boolean'; readonly about: string };
  readonly 'tls1.3': { readonly type: 'boolean'; readonly about: string };
  readonly insecure: { readonly type: 'boolean'; readonly about: string };
} = {
  servername: {
    type: 'string',
    placeholder: 'NAME',
    about: 'the name to ask for and to verify; that of the host if not given',
  },
  alpn: { type: 'string', placeholder: 'NAMES', about: 'protocols to offer, with commas between them: h2,http/1.1' },
  ca: {
    type: 'string',
    placeholder: 'FILE',
    about: 'certificates to trust in place of the usual ones, PEM',
    values: 'files',
  },
  cert: {
    type: 'string',
    placeholder: 'FILE',
    about: 'a certificate of this side, for servers that ask, PEM',
    values: 'files',
  },
  key: { type: 'string', placeholder: 'FILE', about: 'its private key, PEM', values: 'files' },
  ech: {
    type: 'string',
    placeholder: 'CONFIGS',
    about: 'encrypt the ClientHello: base64 or a file as ktls ech makes it, or grease',
    values: 'files',
  },
  insecure: { type: 'boolean', about: 'go on with a server that is not to be trusted' },
  'tls1.2': { type: 'boolean', about: 'only TLS 1.2' },
  'tls1.3': { type: 'boolean', about: 'only TLS 1.3' },
  ktls: ktlsOption,
  timeout: {
    type: 'string',
    default: '30',
    placeholder: 'SECONDS',
    about: 'how long to wait until the connection is secure',
  },
};

interface ConnectionOption {
  readonly type: 'string';
  readonly placeholder: string;
  readonly about: string;
}

interface ConnectionValues {
  readonly servername?: string | undefined;
  readonly alpn?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ech?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly 'tls1.2'?: boolean | undefined;
  readonly 'tls1.3'?: boolean | undefined;
  readonly ktls: string;
  readonly timeout: string;
}

/** A connection on which the handshake is done. */
export interface ClientConnection {
  readonly socket: TLSSocket;
  readonly address: Address;
  /** What was asked for and verified. */
  readonly name: string;
  /** Why the server is not to be trusted; undefined: it is. */
  readonly problem: Problem | undefined;
  /** Milliseconds: to look the name up (undefined for an address), to connect, for the handshake. */
  readonly timing: { readonly dns: number | undefined; readonly tcp: number; readonly tls: number };
}

export interface Problem {
  readonly code: string;
  readonly reason: string;
}

/** What the values of {@link connectionOptions} mean for {@link openClient}. Throws {@link UsageError}, or a system error. */
export function connectOptions(values: ConnectionValues): { options: ConnectOptions; milliseconds: number } {
  const options: ConnectOptions = { ktls: ktlsMode(values.ktls) };
  if (values.ca !== undefined) options.ca = readFileSync(values.ca);
  if ((values.key === undefined) !== (values.cert === undefined))
    throw new UsageError('--key and --cert belong together');
  if (values.cert !== undefined) options.cert = readFileSync(values.cert);
  if (values.key !== undefined) options.key = readFileSync(values.key);
  if (values.alpn !== undefined) options.ALPNProtocols = values.alpn.split(',').filter(Boolean);
  if (values.ech !== undefined && values['tls1.2'] && !values['tls1.3'])
    throw new UsageError('--ech needs TLS 1.3: leave out --tls1.2');
  if (values.ech !== undefined)
    options.ech = values.ech === 'grease' ? { grease: true } : { configs: echConfigsOf(values.ech) };
  if (values.servername !== undefined) options.servername = values.servername;
  if (values['tls1.2'] && !values['tls1.3']) options.maxVersion = 'TLSv1.2';
  if (values['tls1.3'] && !values['tls1.2']) options.minVersion = 'TLSv1.3';
  return { options, milliseconds: wholeNumber('--timeout', values.timeout, 1, 3600) * 1000 };
}

/** Connects, also to a server that is not to be trusted, and tells whether it is. Rejects with a {@link CommandError}. */
export async function openClient(
  address: Address,
  options: ConnectOptions,
  { milliseconds, onSocket }: { milliseconds: number; onSocket?: (socket: TLSSocket) => void },
): Promise<ClientConnection> {
  const { host, port } = address;
  const name = options.servername ?? host;
  const start = performance.now();
  let found: number | undefined;
  let connected = start;
  const socket = connect({
    ...options,
    host,
    port,
    // RFC 6066 §3: an address is no server name.
    ...(isIP(name) === 0 && { servername: name }),
    // It is judged below, when all about it can be told.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  socket.once('lookup', () => {
    found = performance.now();
  });
  socket.once('connect', () => {
    connected = performance.now();
  });
  // What happens before or after somebody waits is no reason to crash.
  socket.on('error', () => {});
  onSocket?.(socket);
  await secured(socket, address, milliseconds);
  const secure = performance.now();
  return {
    socket,
    address,
    name,
    problem: problemOf(socket, name),
    timing: {
      dns: found === undefined || isIP(host) !== 0 ? undefined : found - start,
      tcp: connected - (found ?? start),
      tls: secure - connected,
    },
  };
}

function secured(socket: TLSSocket, address: Address, milliseconds: number): Promise<void> {
  const at = formatAddress(address);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      const advice = 'Check host and port; a firewall may drop what is sent. --timeout waits longer.';
      reject(new CommandError(`${at}: no secure connection after ${milliseconds / 1000} s`, advice));
    }, milliseconds);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      reject(explainSystemError(error, at) ?? error);
    };
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.removeListener('error', onError);
      resolve();
    });
  });
}

/** Of a resumed session, too: connect() would leave out the name then. */
function problemOf(socket: TLSSocket, name: string): Problem | undefined {
  const error = socket.verifyError() ?? checkServerIdentity(name, socket.getPeerCertificate());
  if (!error) return undefined;
  const code: unknown = Reflect.get(error, 'code');
  return { code: typeof code === 'string' ? code : 'UNSPECIFIED', reason: error.message };
}
