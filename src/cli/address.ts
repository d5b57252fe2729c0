import { isIP } from 'node:net';
import { UsageError } from './command.ts';

/** Where to connect to. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** From `host`, `host:port`, `[address]:port` or an https URL; the port is 443 if not given. Throws {@link UsageError}. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] =
    /^(?:https:\/\/)?(?:\[([\da-fA-F:.%\w]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (isIP(text) === 6 ? text : undefined);
  const port = digits === undefined ? 443 : Number(digits);
  if (host === undefined || port < 1 || port > 65535) {
    throw new UsageError(`'${text}' is no address: host:port, or [2001:db8::1]:port`);
  }
  return { host, port };
}

/** As it is written, an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
