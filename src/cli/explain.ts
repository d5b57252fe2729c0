import { CommandError } from './command.ts';

/** A failed system call in words, with what to do; undefined if it is none, or none that is known. */
export function explainSystemError(error: unknown): CommandError | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  const explanation = explanations[error.code];
  return explanation && new CommandError(`${subject(error)}${explanation.said}`, explanation.advice);
}

function subject(error: Error): string {
  const path: unknown = Reflect.get(error, 'path');
  const host: unknown = Reflect.get(error, 'hostname') ?? Reflect.get(error, 'address');
  const port: unknown = Reflect.get(error, 'port');
  if (typeof path === 'string') return `${path}: `;
  if (typeof host !== 'string') return '';
  return typeof port === 'number' ? `${host}:${port}: ` : `${host}: `;
}

const explanations: Readonly<Record<string, { readonly said: string; readonly advice?: string }>> = {
  ENOENT: { said: 'there is no such file', advice: 'Check the path.' },
  ENOTDIR: { said: 'this is not a folder' },
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
};
