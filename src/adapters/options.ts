import nodeTls from 'node:tls';
import { echUnavailable } from '../errors/codes.ts';
import { connect, type ServerOptions } from '../tls.ts';
/** Of servers. */
export type ServerTickets = Pick<ServerOptions, 'ticketKeyring'>;

export { heed } from '../context/changeable.ts';
export { connectionName, type KtlsOptions } from '../socket/ktls-options.ts';

/** Throws where `options` want an encrypted hello of connections that node:tls makes, unless what makes them is this library's by now. */
export function refuseEchOfNodeTls(options: object): void {
  const wanted: unknown = Reflect.get(options, 'ech');
  if (wanted !== undefined && wanted !== null && nodeTls.connect !== connect) throw echUnavailable();
}
