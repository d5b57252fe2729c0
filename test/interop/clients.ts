import { fileURLToPath } from 'node:url';
import { bufferedStdout } from './buffered-stdout.ts';
import type { IdentityFiles } from './identity-files.ts';
import { Program, program } from './program.ts';

/** A TLS client that sends its stdin and writes what it receives to stdout. It verifies the server's chain and name. */
export interface ClientPeer {
  readonly name: string;
  /** Over HTTP, stdin is a PUT's body and stdout is the response's. */
  readonly speaks: 'stream' | 'http';
  start(port: number, identity: IdentityFiles): Program;
}

export const clientPeers: readonly ClientPeer[] = [
  {
    name: 'openssl s_client',
    speaks: 'stream',
    start: (port, identity) => startOpensslClient(port, identity),
  },
  {
    name: 'gnutls-cli',
    speaks: 'stream',
    // Without a log file, what it says about the connection goes between the data.
    start: (port, { files, folder }) =>
      new Program(
        program('gnutls-cli'),
        [
          ...['--port', String(port), '--x509cafile', files.ca, '--logfile', `${folder}/gnutls-cli.log`],
          ...['--sni-hostname', 'localhost', '--verify-hostname', 'localhost', '127.0.0.1'],
        ],
        bufferedStdout(folder),
      ),
  },
  {
    name: 'curl',
    speaks: 'http',
    start: (port, { files }) =>
      new Program(program('curl'), [
        ...['--silent', '--show-error', '--fail', '--noproxy', '*', '--cacert', files.ca],
        ...['--resolve', `localhost:${port}:127.0.0.1`, '--upload-file', '-', `https://localhost:${port}/payload`],
      ]),
  },
  {
    name: 'node:tls client',
    speaks: 'stream',
    start: (port, { files }) => new Program(process.execPath, [nodePeer, 'client', String(port), files.ca]),
  },
];

/** `environment` is added to this process's. */
export function startOpensslClient(
  port: number,
  { files }: IdentityFiles,
  environment?: Readonly<Record<string, string>>,
): Program {
  // -quiet: lines of data that begin with Q or R are no commands, and stdout has data only.
  const words = [
    ...['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost'],
    ...['-CAfile', files.ca, '-verify_return_error', '-verify_hostname', 'localhost'],
  ];
  return new Program(program('openssl'), words, environment);
}

export const nodePeer = fileURLToPath(new URL('./node-peer.ts', import.meta.url));
