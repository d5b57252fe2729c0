import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { Site } from '../files/site.ts';
import {
  type Command,
  CommandError,
  command,
  ExitCode,
  jsonOption,
  ktlsMode,
  ktlsOption,
  UsageError,
  wholeNumber,
} from './command.ts';
import { type Identity, selfSigned } from './self-signed.ts';
import { serveSite } from './serving.ts';

export const serveCommand: Command = command({
  name: 'serve',
  summary: 'Serve the files of a folder over HTTPS, by sendfile where the kernel seals',
  usage: '[FOLDER] [OPTION…]',
  details: [
    'FOLDER is the current one if not given. Nothing outside it is served, whatever links say, and no file or folder whose',
    'name begins with a dot. The server listens on the loopback interface unless --host says otherwise. Without --key and',
    '--cert it makes a certificate of its own, which clients have to be told to trust. Ctrl-C ends it.',
  ],
  examples: [
    ['ktls serve', 'the current folder on https://localhost:8443/'],
    ['ktls serve public --port 0 --inspect', 'on any free port, with a page that shows the connections as they live'],
    [
      'ktls serve --host 0.0.0.0 --key key.pem --cert cert.pem',
      'for other machines, with a certificate that they trust',
    ],
    [
      'ktls serve --write-cert served.pem & curl --cacert served.pem https://localhost:8443/',
      'a client that trusts it',
    ],
  ],
  options: {
    host: {
      type: 'string',
      default: '127.0.0.1',
      placeholder: 'ADDRESS',
      about: 'where to listen; 0.0.0.0 or :: is everywhere',
    },
    port: { type: 'string', default: '8443', placeholder: 'PORT', about: 'where to listen; 0 is any free port' },
    key: { type: 'string', placeholder: 'FILE', about: 'the private key, PEM', values: 'files' },
    cert: { type: 'string', placeholder: 'FILE', about: 'its certificate and those above it, PEM', values: 'files' },
    ech: {
      type: 'string',
      placeholder: 'FILE',
      about: 'a key for Encrypted ClientHello, as ktls ech keygen makes it',
      values: 'files',
    },
    'write-cert': {
      type: 'string',
      placeholder: 'FILE',
      about: 'where to write the certificate made here',
      values: 'files',
    },
    dotfiles: { type: 'boolean', about: 'serve names that begin with a dot, too' },
    ktls: ktlsOption,
    inspect: {
      type: 'string',
      alone: '0',
      placeholder: 'PORT',
      about: 'a page that shows the connections as they live, on a port of its own',
    },
    'inspect-host': { type: 'string', default: '127.0.0.1', placeholder: 'ADDRESS', about: 'where that page listens' },
    metrics: {
      type: 'string',
      alone: '0',
      placeholder: 'PORT',
      about: 'numbers for Prometheus at /metrics, on a port of its own of the loopback interface',
    },
    json: { ...jsonOption, about: 'print a line of JSON for everything that happens' },
  },
  completes: 'folders',
  async run(values, positionals, output) {
    const [folder = '.', ...more] = positionals;
    if (more.length > 0) throw new UsageError(`serve takes one folder, but got '${more[0]}' as well`);
    const { host, inspect, metrics, key, cert } = values;
    const port = wholeNumber('--port', values.port, 0, 65535);
    const inspectPort = inspect === undefined ? undefined : wholeNumber('--inspect', inspect, 0, 65535);
    const metricsPort = metrics === undefined ? undefined : wholeNumber('--metrics', metrics, 0, 65535);
    const mode = ktlsMode(values.ktls);
    if ((key === undefined) !== (cert === undefined)) throw new UsageError('--key and --cert belong together');
    const ech = values.ech === undefined ? undefined : { keys: readFileSync(values.ech) };
    const site = await Site.of(folder, { dotfiles: values.dotfiles === true });
    const isOwn = key === undefined || cert === undefined;
    const identity = isOwn ? selfSigned(namesFor(host)) : readIdentity(key, cert);
    if (values['write-cert'] !== undefined) writeFileSync(values['write-cert'], identity.cert);
    const fingerprint = new X509Certificate(identity.cert).fingerprint256;
    const what = {
      site,
      dotfiles: values.dotfiles === true,
      host,
      port,
      identity,
      fingerprint,
      isOwn,
      ech,
      ktls: mode,
      inspectPort,
      metricsPort,
      inspectHost: values['inspect-host'],
      json: values.json === true,
    };
    await serveSite(what, output);
    return ExitCode.done;
  },
});

function readIdentity(key: string, cert: string): Identity {
  const identity = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  if (!certificateIn(identity.cert, cert).checkPrivateKey(keyIn(identity.key, key)))
    throw new CommandError(`${key}: this key does not belong to the certificate in ${cert}`);
  return identity;
}

function certificateIn(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new CommandError(`${path}: this is no certificate in PEM`, 'It begins with -----BEGIN CERTIFICATE-----');
  }
}

function keyIn(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CommandError(
      `${path}: this is no private key in PEM that can be read without a passphrase`,
      `openssl pkey -in ${path} -out key.pem takes the passphrase off.`,
    );
  }
}

/** By which this machine may be called, where the server listens. */
function namesFor(host: string): [string, ...string[]] {
  const everywhere = host === '0.0.0.0' || host === '::';
  const addresses = everywhere ? Object.values(os.networkInterfaces()).flatMap((list) => list ?? []) : [];
  const given = everywhere ? [os.hostname(), ...addresses.map(({ address }) => address)] : [host];
  return ['localhost', ...new Set(['127.0.0.1', '::1', ...given])];
}
