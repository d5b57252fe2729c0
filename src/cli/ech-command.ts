import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type EchConfig, generateEchKey, readEchConfigs } from '../ech.ts';
import { type Command, CommandError, command, ExitCode, jsonOption, UsageError, wholeNumber } from './command.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

export const echCommand: Command = command({
  name: 'ech',
  summary: 'Make a key for Encrypted ClientHello, or show what a configuration says',
  usage: 'keygen|show [FILE|BASE64] [OPTION…]',
  details: [
    'keygen makes a key with its configuration for the name that everybody may read (RFC 9849), in a file that servers take (PEM,',
    'RFC 9934), and prints the configuration as it goes into the DNS. show prints what is in such a file, or in the DNS.',
  ],
  examples: [
    ['ktls ech keygen --public-name example.com --out ech.pem', 'a key, and what goes into the DNS'],
    ['ktls ech show ech.pem', 'what the file says to clients'],
    ['ktls connect secret.example.com --ech "$(ktls ech show ech.pem --base64)"', 'a connection that uses it'],
  ],
  completes: ['keygen', 'show'],
  options: {
    'public-name': {
      type: 'string',
      placeholder: 'NAME',
      about: 'keygen: the name in the hello that everybody can read',
    },
    'max-name-length': { type: 'string', placeholder: 'BYTES', about: 'keygen: the longest name that is to be hidden' },
    out: {
      type: 'string',
      placeholder: 'FILE',
      about: 'keygen: where to write the key; stdout if not given',
      values: 'files',
    },
    base64: { type: 'boolean', about: 'show: only the configurations, in base64' },
    json: jsonOption,
  },
  async run(values, [what, given, ...more], output) {
    if (more.length > 0 || (what !== 'keygen' && what !== 'show')) throw new UsageError('ech wants keygen or show');
    if (what === 'keygen') {
      if (given !== undefined || values['public-name'] === undefined)
        throw new UsageError('ech keygen wants --public-name NAME');
      const maxNameLength = wholeNumber('--max-name-length', values['max-name-length'] ?? '0', 0, 255);
      generate(
        { publicName: values['public-name'], maxNameLength, out: values.out, json: values.json === true },
        output,
      );
    } else {
      if (given === undefined) throw new UsageError('ech show wants a file, or base64');
      show(given, { base64: values.base64 === true, json: values.json === true }, output);
    }
    return ExitCode.done;
  },
});

function generate(
  {
    publicName,
    maxNameLength,
    out,
    json,
  }: { publicName: string; maxNameLength: number; out: string | undefined; json: boolean },
  output: Output,
): void {
  const { pem, configs } = orWords(() => generateEchKey({ publicName, maxNameLength }));
  const base64 = configs.toString('base64');
  if (out !== undefined) writeNew(out, pem);
  else if (!json) output.stdout.write(pem);
  if (json) output.json({ configs: base64, ...(out === undefined ? { pem } : { file: out }) });
  else if (out !== undefined) output.stdout.write(`${base64}\n`);
}

/** A key that is there already may be the one that the DNS tells of. */
function writeNew(path: string, pem: string): void {
  try {
    writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new CommandError(`${path} exists, and would be overwritten`, 'Choose another name.');
  }
}

function show(given: string, { base64, json }: { base64: boolean; json: boolean }, output: Output): void {
  const list = echConfigsOf(given);
  const configs = orWords(() => readEchConfigs(list));
  if (json) output.json(configs.map(asJson));
  else if (base64) output.stdout.write(`${Buffer.from(list).toString('base64')}\n`);
  else output.stdout.write(configs.map(inWords).join('\n'));
}

/** What stands in a file, in PEM or as bytes, or is given in base64. Throws {@link CommandError}. */
export function echConfigsOf(given: string): Uint8Array {
  if (!existsSync(given)) {
    if (/^[A-Za-z0-9+/]+=*$/.test(given)) return Buffer.from(given, 'base64');
    throw new CommandError(`${given}: this is no file, and not base64`);
  }
  const bytes = readFileSync(given);
  const pem = /-----BEGIN ECHCONFIG-----([^-]*)-----END ECHCONFIG-----/.exec(bytes.toString('latin1'))?.[1];
  if (pem === undefined && bytes.includes('-----BEGIN'))
    throw new CommandError(`${given}: there is no ECHCONFIG in it`);
  return pem === undefined ? bytes : Buffer.from(pem, 'base64');
}

function inWords({ version, length, contents }: EchConfig): string {
  if (!contents) return `version 0x${version.toString(16)}, ${length} bytes, which this program does not know\n`;
  const { publicName, configId, kem, publicKey, suites, maxNameLength, extensions } = contents;
  const lines = [
    ['public name', printable(publicName)],
    ['id', String(configId)],
    ['key', `${kem}, ${publicKey.toString('hex')}`],
    ...suites.map(({ kdf, aead }) => ['suite', `${kdf}, ${aead}`]),
    ['longest name', maxNameLength === 0 ? 'not said' : `${maxNameLength} bytes`],
    ...extensions.map((type) => ['extension', `0x${type.toString(16)}`]),
  ];
  return lines.map(([name = '', value]) => `${name.padEnd(13)}${value}\n`).join('');
}

function asJson({ version, length, contents }: EchConfig): object {
  return { version, length, ...(contents && { ...contents, publicKey: contents.publicKey.toString('hex') }) };
}

/** What the library says of an argument, as of a command's. */
function orWords<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new CommandError(error.message);
    throw error;
  }
}
