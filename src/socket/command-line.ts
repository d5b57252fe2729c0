import { KeyLogFile } from '../keys/key-log-file.ts';

/**
 * Options of node's own command line that are about TLS. Node.js heeds them in node:tls and shows them to nobody, so that they are read where
 * it reads them: NODE_OPTIONS, then the command line.
 */
function words(): string[] {
  const fromEnvironment = process.env.NODE_OPTIONS?.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  return [...fromEnvironment.map((word) => word.replaceAll(/"((?:\\.|[^"\\])*)"/g, '$1')), ...process.execArgv];
}

/** The value of an option; '' where it has none, undefined where it is not given. The last counts. */
function option(name: string): string | undefined {
  const all = words();
  for (const [index, word] of [...all.entries()].reverse()) {
    const [said = '', value] = word.split(/=(.*)/s, 2);
    if (said.replaceAll('_', '-') !== name) continue;
    return value ?? (valued.has(name) ? all[index + 1] : undefined) ?? '';
  }
  return undefined;
}

const valued = new Set(['--tls-keylog', '--openssl-config']);

/** --trace-tls: where a socket is not told whether it is to be traced. */
export const tracesTls: boolean = option('--trace-tls') !== undefined;

const keyLogPath = option('--tls-keylog');
const keyLog =
  keyLogPath === undefined || keyLogPath === ''
    ? undefined
    : new KeyLogFile(keyLogPath, {
        ofSecrets: (path) =>
          warnOnce('Using --tls-keylog makes TLS connections insecure by writing secret key material to file', path),
        ofFailure: (error) =>
          warnOnce('Failed to write TLS keylog (this warning will not be repeated):', messageOf(error)),
      });
/** --tls-keylog: who takes down each line; undefined where it was not asked for. */
export const keyLogListener: ((line: Buffer) => void) | undefined =
  keyLog && ((line) => keyLog.write(line.toString('latin1').trimEnd()));

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const warned = new Set<string>();

function warnOnce(text: string, about: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  process.emitWarning(`${text} ${about}`);
}

/** Warns, as node:tls does, of what is put on stderr. */
export function warnOfTrace(): void {
  warnOnce('Enabling --trace-tls can expose sensitive data in', 'the resulting log.');
}

/** What is for node's own OpenSSL, and of which ours learns nothing: told once, when this library is loaded. */
for (const [name, instead] of [
  ['--use-openssl-ca', 'SSL_CERT_FILE and SSL_CERT_DIR are not read: give certificates with NODE_EXTRA_CA_CERTS'],
  ['--openssl-config', 'give suites, versions and groups as options'],
  ['--openssl-shared-config', 'give suites, versions and groups as options'],
] as const) {
  if (option(name) === undefined) continue;
  process.emitWarning(`${name} has no effect on connections of ktls; ${instead}`, { code: 'KTLS_NODE_OPTION' });
}
