import { CommandError } from './command.ts';
import { printable } from './printable.ts';

/**
 * A failed system call or handshake in words, with what to do; undefined if it is neither, or not known. `subject`: what it is about, where
 * the error does not say.
 */
export function explainSystemError(error: unknown, subject?: string): CommandError | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  const explanation =
    (error.code === 'ERR_KTLS_ECH_REJECTED' ? explainEch(error) : explanations[error.code]) ??
    explainHandshake(error.code, error);
  const about = subject === undefined ? subjectOf(error) : `${subject}: `;
  return explanation && new CommandError(`${about}${explanation.said}`, explanation.advice);
}

interface Explanation {
  readonly said: string;
  readonly advice?: string;
}

/** What OpenSSL says of a handshake. */
function explainHandshake(code: string, error: Error): Explanation | undefined {
  if (code === 'ERR_KTLS_UNAVAILABLE') return { said: error.message };
  if (!code.startsWith('ERR_SSL_')) return undefined;
  const reason: unknown = Reflect.get(error, 'reason');
  return { said: `the handshake failed: ${printable(typeof reason === 'string' ? reason : error.message)}` };
}

/** A server that would have taken another configuration says which. */
function explainEch(error: Error): Explanation {
  const retry: unknown = Reflect.get(error, 'retryConfigs');
  const said = printable(error.message.split(':')[0] ?? '');
  if (!(retry instanceof Uint8Array)) return { said };
  return { said, advice: `It would have taken: --ech ${Buffer.from(retry).toString('base64')}` };
}

function subjectOf(error: Error): string {
  const path: unknown = Reflect.get(error, 'path');
  const host: unknown = Reflect.get(error, 'hostname') ?? Reflect.get(error, 'address');
  const port: unknown = Reflect.get(error, 'port');
  if (typeof path === 'string') return `${path}: `;
  if (typeof host !== 'string') return '';
  return typeof port === 'number' ? `${host}:${port}: ` : `${host}: `;
}

const noTls: Explanation = {
  said: 'what answers there does not speak TLS',
  advice: 'Check the port: 443 for HTTPS, 465 for SMTP, 993 for IMAP.',
};

const noVersion: Explanation = {
  said: 'there is no version of TLS that both sides want',
  advice: 'Leave out --tls1.2 and --tls1.3.',
};

const explanations: Readonly<Record<string, Explanation>> = {
  ENOENT: { said: 'there is no such file', advice: 'Check the path.' },
  ENOTDIR: { said: 'this is not a folder' },
  ERR_KTLS_ECH_CONFIGS: {
    said: 'what --ech was given is no ECHConfigList, or has nothing that OpenSSL knows',
    advice: 'ktls ech show tells what is in it.',
  },
  EISDIR: { said: 'this is a folder, not a file' },
  EACCES: { said: 'this is not permitted', advice: 'Ports below 1024 and files of others need more rights.' },
  EPERM: { said: 'this is not permitted' },
  EADDRINUSE: { said: 'the port is in use', advice: 'Take another with --port, or --port 0 for any that is free.' },
  EADDRNOTAVAIL: { said: 'this machine does not have that address', advice: 'Give --host one that it has.' },
  ECONNREFUSED: { said: 'nothing listens there', advice: 'Check host and port, and whether the server runs.' },
  ECONNRESET: { said: 'the peer broke the connection off', advice: 'Perhaps it does not speak TLS on this port.' },
  ENOTFOUND: { said: 'there is no host of this name', advice: 'Check the name, and the name server.' },
  EAI_AGAIN: { said: 'the name could not be looked up', advice: 'Check the network and the name server.' },
  ETIMEDOUT: { said: 'there was no answer in time', advice: 'Check host and port; a firewall may drop what is sent.' },
  EHOSTUNREACH: { said: 'there is no way to this host' },
  ENETUNREACH: { said: 'there is no way to this network' },
  EMFILE: { said: 'too many files are open', advice: 'Raise the limit: ulimit -n' },
  ENOSPC: { said: 'the disk is full' },
  ERR_KTLS_REQUIRED: {
    said: 'the kernel did not take the connection',
    advice: 'ktls probe says why; --ktls auto does without.',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noVersion,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: noVersion,
};
