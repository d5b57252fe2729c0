import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** Where credentials are. */
export interface CredentialFiles {
  /** The private key, PEM. */
  readonly key: string | URL;
  /** The certificate, PEM, and those of its issuers behind it. */
  readonly cert: string | URL;
  /** Certificates by which clients are judged, PEM. Default: those that the server has. */
  readonly ca?: string | URL | readonly (string | URL)[] | undefined;
}

/** What is in the files. */
export interface Credentials {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly ca: readonly Buffer[] | undefined;
}

/** All of them. */
export function pathsOf({ key, cert, ca }: CredentialFiles): readonly (string | URL)[] {
  return [key, cert, ...authoritiesOf(ca)];
}

function authoritiesOf(ca: CredentialFiles['ca']): readonly (string | URL)[] {
  if (ca === undefined) return [];
  return isList(ca) ? ca : [ca];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/**
 * What tells whether a file is another one than before, through symbolic links, or has other contents. A file that is missing has a state, too: it may be on
 * its way.
 */
export async function stateOf(files: CredentialFiles): Promise<string> {
  const states = await Promise.all(
    pathsOf(files).map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
      } catch (error) {
        return String(Reflect.get(Object(error), 'code'));
      }
    }),
  );
  return states.join('\n');
}

/** Rejects for files that cannot be read, or have no whole certificates in them. */
export async function readCredentials(files: CredentialFiles): Promise<Credentials> {
  const key = await readWhole(files.key, mostOfPair);
  try {
    const cert = await readWhole(files.cert, mostOfPair);
    checkCertificates(cert, files.cert);
    const ca = files.ca === undefined ? undefined : await Promise.all(authoritiesOf(files.ca).map(readAuthorities));
    return { key, cert, ca };
  } catch (error) {
    key.fill(0);
    throw error;
  }
}

/** Without any, a server would trust whom its default says. */
async function readAuthorities(path: string | URL): Promise<Buffer> {
  const authorities = await readWhole(path, mostOfAuthorities);
  checkCertificates(authorities, path);
  return authorities;
}

/** What is no file, as a pipe that nobody writes to, or has no end, must not hold up the process. */
async function readWhole(path: string | URL, most: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path}: this is no file`);
    const bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(found.size, leastRead), most) + 1);
    try {
      let length = 0;
      for (let read = 1; read > 0 && length < bytes.length; length += read)
        read = (await file.read(bytes, length)).bytesRead;
      if (length < bytes.length) return bytes.subarray(0, length);
      throw new Error(`${path}: there is more in it than credentials have`);
    } catch (error) {
      bytes.fill(0);
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Other blocks may be there, too: a key, or parameters. */
function checkCertificates(pem: Buffer, path: string | URL): void {
  const blocks = pem
    .toString('latin1')
    .split(/(?=-----BEGIN )/)
    .filter((block) => /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(block));
  if (blocks.length === 0) throw new Error(`${path}: there is no certificate in it`);
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch (cause) {
      throw new Error(`${path}: a certificate in it is not whole`, { cause });
    }
  }
}

/** Bytes. */
const mostOfPair = 1 << 20;
const mostOfAuthorities = 16 << 20;
const leastRead = 16 << 10;
