import { formatAddress } from './address.ts';
import { type ChainLink, peerChain } from './chain.ts';
import type { ClientConnection, Problem } from './client-connection.ts';
import { printable } from './printable.ts';
import { timeInWords } from './quantities.ts';
import { describeRecords } from './records.ts';
import type { Report } from './report.ts';

/** How a session was resumed, where that was tried. */
export interface Resumption {
  /** Milliseconds of the full handshake; the connection's own is the second. */
  readonly full: number;
  /** Whether the server gave a session that could be offered. */
  readonly offered: boolean;
}

/** Prints all about a connection that people want to know. */
export function reportPeer(report: Report, connection: ClientConnection, resumption: Resumption | undefined): void {
  const { socket, address, timing, name } = connection;
  const bold = (text: string): string => report.style('bold', text);
  report.line(
    `${bold(formatAddress(address))}${socket.remoteAddress === address.host ? '' : `  ${socket.remoteAddress}`}`,
  );
  report.fact('version', socket.getProtocol() ?? '');
  report.fact('suite', socket.getCipher().standardName);
  report.fact('group', socket.getGroup() ?? 'none');
  report.fact('ALPN', socket.alpnProtocol ? printable(socket.alpnProtocol) : 'none');
  if (socket.ech) report.fact('ECH', echInWords(socket.ech));
  report.fact('time', timingInWords(timing));
  report.fact('session', sessionInWords(connection, resumption));
  const { layers, reasons } = describeRecords({ 'this side': socket.recordLayer });
  report.fact('records', ...layers);
  if (reasons.length > 0) report.fact('no kernel', ...reasons);
  for (const [index, link] of peerChain(socket).entries()) reportLink(report, link, index);
  report.fact('verified', ...verdict(report, connection.problem, name));
}

/** The same for programs. */
export function peerAsJson(connection: ClientConnection, resumption: Resumption | undefined): object {
  const { socket, address, name, problem, timing } = connection;
  return {
    address,
    remoteAddress: socket.remoteAddress ?? null,
    servername: name,
    version: socket.getProtocol(),
    suite: socket.getCipher().standardName,
    group: socket.getGroup() ?? null,
    alpn: socket.alpnProtocol || null,
    ech: socket.ech?.status ?? null,
    milliseconds: { dns: timing.dns ?? null, tcp: timing.tcp, tls: timing.tls },
    session: {
      reused: socket.isSessionReused(),
      ...(resumption && { offered: resumption.offered, fullHandshakeMilliseconds: resumption.full }),
    },
    recordLayer: socket.recordLayer,
    chain: peerChain(socket),
    authorized: problem === undefined,
    problem: problem ?? null,
  };
}

/** What to do about a server that is not to be trusted. */
export function adviceOn({ code }: Problem): string {
  return `${advice[code] ?? 'Ask whoever runs it.'} --insecure goes on nevertheless.`;
}

function reportLink(report: Report, link: ChainLink, index: number): void {
  const { subject, issuer, names, validFrom, validTo, key, fingerprint256 } = link;
  report.fact(
    index === 0 ? 'certificate' : `issuer ${index}`,
    printable(subject),
    ...(index === 0 && names !== null ? [`for ${printable(names)}`] : []),
    `${validity(report, validFrom, validTo)}, ${key}`,
    ...(index === 0 ? [`SHA-256 ${fingerprint256}`] : []),
    ...(subject === issuer ? ['signed by itself'] : [`issued by ${printable(issuer)}`]),
  );
}

function validity(report: Report, from: string, to: string): string {
  const now = Date.now();
  const text = `valid from ${from.slice(0, 10)} to ${to.slice(0, 10)}`;
  const days = Math.floor((Date.parse(to) - now) / day);
  if (days < 0) return report.style('red', `${text}: expired`);
  if (Date.parse(from) > now) return report.style('red', `${text}: not yet`);
  return days < 15 ? report.style('yellow', `${text}, ${days} more days`) : text;
}

function verdict(report: Report, problem: Problem | undefined, name: string): string[] {
  if (!problem) return [report.style('green', `yes, as ${printable(name)}`)];
  return [report.style('red', `no: ${printable(problem.reason)} (${problem.code})`)];
}

function echInWords({ status, outerServerName }: NonNullable<ClientConnection['socket']['ech']>): string {
  if (status !== 'accepted') return status === 'greased' ? 'grease: the name is visible' : status;
  return `accepted${outerServerName === undefined ? '' : `, visible name ${printable(outerServerName)}`}`;
}

function timingInWords({ dns, tcp, tls }: ClientConnection['timing']): string {
  const lookup = dns === undefined ? [] : [`name ${timeInWords(dns)}`];
  return [...lookup, `TCP ${timeInWords(tcp)}`, `TLS ${timeInWords(tls)}`].join(', ');
}

function sessionInWords({ socket, timing }: ClientConnection, resumption: Resumption | undefined): string {
  if (!resumption) return 'new';
  if (!resumption.offered) return 'new: the server gave none to resume';
  const times = `TLS ${timeInWords(resumption.full)} before, ${timeInWords(timing.tls)} now`;
  return socket.isSessionReused() ? `resumed: ${times}` : `new: the server did not resume the one it gave (${times})`;
}

const day = 24 * 60 * 60 * 1000;

const trustAdvice = 'If you know its certificate or who issued it: --ca FILE.';

const advice: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: trustAdvice,
  SELF_SIGNED_CERT_IN_CHAIN: trustAdvice,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trustAdvice,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `The server should send the certificates between its own and one that is trusted. ${trustAdvice}`,
  CERT_HAS_EXPIRED: 'Its certificate must be renewed; or this machine’s clock is wrong.',
  CERT_NOT_YET_VALID: 'Perhaps this machine’s clock is wrong.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'It may be another server than you think; --servername asks for another name.',
};
