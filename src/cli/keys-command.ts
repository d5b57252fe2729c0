import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type ConnectionKeys, type EpochKeys, toCryptoInfo } from '../keys.ts';
import { parseAddress } from './address.ts';
import { connectionOptions, connectOptions, openClient } from './client-connection.ts';
import { type Command, CommandError, command, ExitCode, jsonOption, oneOf, UsageError } from './command.ts';
import { adviceOn } from './peer-report.ts';

export const keysCommand: Command = command({
  name: 'keys',
  summary: 'Connect to a server and print the keys of the connection',
  usage: 'HOST[:PORT] [OPTION…]',
  details: [
    'For those who study TLS: what a packet capture of this connection takes to be read, or a kernel to go on with it. The',
    'connection is made, its keys printed, and ended. They are worth nothing afterwards, but to whoever captured it.',
    '  keylog       lines of a key log file (RFC 9850), as Wireshark reads them',
    '  json         each direction’s secret, key, IV, record number and epoch, and what was negotiated; ktls decrypt reads it',
    '  crypto-info  a line for each direction: the bytes that setsockopt(SOL_TLS, TLS_TX or TLS_RX) takes, in hexadecimal',
  ],
  examples: [
    ['ktls keys example.com', 'the secrets as a key log'],
    ['ktls keys localhost:8443 --ca cert.pem --json', 'everything there is'],
    ['ktls keys example.com --format crypto-info --tls1.2', 'what a kernel would be given'],
    ['ktls keys example.com --out secrets.log', 'to a file that only you can read'],
  ],
  options: {
    ...connectionOptions,
    format: {
      type: 'string',
      placeholder: 'FORMAT',
      about: 'keylog (if not given), json or crypto-info',
      values: ['keylog', 'json', 'crypto-info'],
    },
    out: { type: 'string', placeholder: 'FILE', about: 'where to write them; stdout if not given', values: 'files' },
    json: { ...jsonOption, about: 'the same as --format json' },
  },
  async run(values, positionals, output) {
    const [target, ...more] = positionals;
    if (target === undefined || more.length > 0) throw new UsageError('keys wants one address: host:port');
    const format = oneOf('--format', values.format ?? (values.json ? 'json' : 'keylog'), [
      'keylog',
      'json',
      'crypto-info',
    ]);
    if (values.json && format !== 'json') throw new UsageError(`--json and --format ${format} contradict each other`);
    const address = parseAddress(target);
    const { options, milliseconds } = connectOptions(values);
    output.notes.progress(() => `connecting to ${target}`);
    const { socket, problem } = await openClient(address, { ...options, exportKeys: true }, { milliseconds });
    output.notes.clearProgress();
    try {
      if (problem && !values.insecure) {
        throw new CommandError(`${target} is not to be trusted: ${problem.code}`, adviceOn(problem));
      }
      using keys = socket.exportKeys();
      const text = formats[format](keys);
      if (values.out === undefined) output.stdout.write(text);
      else writeFileSync(values.out, text, { mode: 0o600 });
    } finally {
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    }
    return ExitCode.done;
  },
});

const formats: Readonly<Record<'keylog' | 'json' | 'crypto-info', (keys: ConnectionKeys) => string>> = {
  keylog: ({ keyLog }) => keyLog,
  json: (keys) => `${JSON.stringify(keys, undefined, 2)}\n`,
  'crypto-info': ({ write, read, unavailable }) =>
    `${cryptoInfo('write', write, unavailable.write)}${cryptoInfo('read', read, unavailable.read)}`,
};

function cryptoInfo(direction: 'read' | 'write', keys: EpochKeys | undefined, reason: string | undefined): string {
  if (!keys) throw new CommandError(`the keys of what is ${direction === 'read' ? 'received' : 'sent'}: ${reason}`);
  const bytes = toCryptoInfo(keys);
  const hexadecimal = Buffer.from(bytes).toString('hex');
  bytes.fill(0);
  return `${direction} ${keys.version} ${keys.aead} ${hexadecimal}\n`;
}
