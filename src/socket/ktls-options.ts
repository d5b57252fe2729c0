import type { EchOptions } from '../context/ech.ts';
import { isOneOf } from '../context/node-errors.ts';
import { typeError } from '../errors/coded.ts';
import type { Capture } from '../tap/capture.ts';
import { checkThreads } from '../threads/handshake-threads.ts';
import type { KtlsOption } from './ktls-policy.ts';

/** Options of this library that node:tls does not have, for clients and servers alike. */
export interface KtlsOptions {
  /** Who may protect records; see README. Default 'auto': the kernel, once files are sent that are worth it. */
  ktls?: KtlsOption | undefined;
  /** Which layer carries what the kernel does not: 'wasm' leaves records to OpenSSL. Default 'native'. */
  portableLayer?: 'native' | 'wasm' | undefined;
  /** An end without close_notify is an error, ERR_KTLS_TRUNCATED, and not an 'end'. Default false, as in node:tls. */
  requireCloseNotify?: boolean | undefined;
  /** Keeps copies of the keys for {@link TLSSocket.exportKeys} and the event 'keys'. Default false: none are kept for that. */
  exportKeys?: boolean | undefined;
  /** Takes down what is sent and received, with the secrets to read it. Such a connection stays off the kernel. */
  capture?: Capture | undefined;
  /** Encrypted ClientHello (RFC 9849): see docs/ech.md. Needs the package ktls-ech. */
  ech?: EchOptions | undefined;
  /** How many threads handshakes may run in; 0 is the connection's own. Default: what {@link setHandshakeThreads} says, 0 at first. */
  handshakeThreads?: number | undefined;
}

/** The one list of them, in which none can be missing: who passes options on, tells connections apart or documents them goes by it. */
const listed = [
  'ktls',
  'portableLayer',
  'requireCloseNotify',
  'exportKeys',
  'capture',
  'ech',
  'handshakeThreads',
] as const;
export const ktlsOptionNames: Whole<Exclude<keyof KtlsOptions, (typeof listed)[number]>> = listed;

/** Does not compile where an option is missing. */
type Whole<Missing> = [Missing] extends [never] ? readonly (keyof KtlsOptions)[] : { readonly missing: Missing };

/** Throws for a value that an option of this library does not have; {@link ktlsPolicy} and {@link KeyOutlets} look at the others. */
export function checkKtlsOptions({ portableLayer, requireCloseNotify, handshakeThreads }: KtlsOptions): void {
  if (![undefined, null, 'native', 'wasm'].includes(portableLayer))
    throw typeError('ERR_INVALID_ARG_VALUE', "The option portableLayer must be 'native' or 'wasm'");
  if (!isOneOf(requireCloseNotify, 'boolean'))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The option requireCloseNotify must be true or false');
  if (handshakeThreads !== undefined) checkThreads(handshakeThreads);
}

/** Of some options, those of this library. */
export function pickKtlsOptions(options: KtlsOptions): KtlsOptions {
  return Object.fromEntries(ktlsOptionNames.map((name) => [name, options[name]]));
}

/**
 * What tells connections apart that are kept for further requests: with the same name they may be exchanged for one another. Empty where no
 * option of this library is given.
 */
export function connectionName(options: object = {}): string {
  const said = ktlsOptionNames.map((name) => [name, Reflect.get(options, name)] as const);
  const given = said.filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `:${name}=${nameOf(value)}`).join('');
}

/** Plain data goes by its contents, all else by what it is: two captures are two, however alike. */
function nameOf(value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol') return identity(value);
  if (typeof value !== 'object' || value === null) return `${typeof value} ${JSON.stringify(String(value))}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return identity(value);
  const parts = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${parts.map(([name, part]) => `${JSON.stringify(name)}: ${nameOf(part)}`).join()}}`;
}

function identity(value: WeakKey): string {
  const known = numbers.get(value) ?? ++last;
  numbers.set(value, known);
  return `#${known}`;
}

const numbers = new WeakMap<WeakKey, number>();
let last = 0;
