import { cipherSuiteNames } from './cipher-suite-names.ts';

/** What a cipher suite stands for, as far as it concerns records and their keys. */
export interface CipherSuite {
  /** IANA's name. */
  readonly name: string;
  readonly protection: SuiteProtection | undefined;
  /** Hash of HKDF (RFC 8446 §7.1) or of TLS 1.2's PRF (RFC 5246 §5). */
  readonly hash: 'sha256' | 'sha384';
}

/** How records are protected; undefined in {@link CipherSuite} where no layer here can. */
export type SuiteProtection =
  | {
      readonly kind: 'aead';
      readonly aead: SuiteAead;
      readonly keyLength: number;
      /** 8 with AES_CCM_8 (RFC 6655 §4). */
      readonly tagLength: number;
    }
  /** CBC and a MAC (RFC 5246 §6.2.3.2). */
  | (MacProtection & { readonly kind: 'cbc'; readonly cipher: CbcCipher; readonly blockLength: number })
  /** A MAC, and a cipher of bytes or none (RFC 5246 §6.2.3.1). */
  | (MacProtection & { readonly kind: 'stream'; readonly cipher: 'rc4' | 'null' });

interface MacProtection {
  readonly keyLength: number;
  readonly mac: 'md5' | 'sha1' | 'sha256' | 'sha384';
  readonly macLength: number;
}

/** By node:crypto's names. */
export type SuiteAead =
  | 'aes-128-gcm'
  | 'aes-256-gcm'
  | 'chacha20-poly1305'
  | 'aes-128-ccm'
  | 'aes-256-ccm'
  | 'aria-128-gcm'
  | 'aria-256-gcm';

/** By node:crypto's names. */
export type CbcCipher = `${'aes' | 'camellia' | 'aria'}-${128 | 256}-cbc` | 'des-ede3-cbc';

/** Looks a suite up by its number. One that is not in the list has its number as name. */
export function cipherSuite(number: number): CipherSuite {
  const name = cipherSuiteNames.get(number);
  if (name === undefined) {
    return { name: `0x${number.toString(16).padStart(4, '0')}`, protection: undefined, hash: 'sha256' };
  }
  return { name, protection: protectionIn(name), hash: name.endsWith('SHA384') ? 'sha384' : 'sha256' };
}

/** The names say it all: what they end with is the cipher and a hash. */
function protectionIn(name: string): SuiteProtection | undefined {
  return aeadIn(name) ?? macIn(name);
}

function aeadIn(name: string): SuiteProtection | undefined {
  if (name.includes('CHACHA20_POLY1305')) {
    return { kind: 'aead', aead: 'chacha20-poly1305', keyLength: 32, tagLength: 16 };
  }
  const [, cipher, bits, mode, short] = /_(AES|ARIA)_(128|256)_(GCM|CCM)(_8)?(?:_SHA\d+)?$/.exec(name) ?? [];
  const aead = aeads.find((known) => known === `${cipher}-${bits}-${mode}`.toLowerCase());
  return aead && { kind: 'aead', aead, keyLength: Number(bits) / 8, tagLength: short === undefined ? 16 : 8 };
}

function macIn(name: string): SuiteProtection | undefined {
  const [, cipherName = '', hash = ''] = /_(\w+?)_(MD5|SHA\d*)$/.exec(name.replace(/^.*_WITH/, '')) ?? [];
  const mac = macs.get(hash);
  const cipher = macCiphers.get(cipherName);
  return mac && cipher && { ...cipher, ...mac };
}

const aeads: readonly SuiteAead[] = [
  'aes-128-gcm',
  'aes-256-gcm',
  'aes-128-ccm',
  'aes-256-ccm',
  'aria-128-gcm',
  'aria-256-gcm',
];

const macs = new Map<string, Pick<MacProtection, 'mac' | 'macLength'>>([
  ['MD5', { mac: 'md5', macLength: 16 }],
  ['SHA', { mac: 'sha1', macLength: 20 }],
  ['SHA256', { mac: 'sha256', macLength: 32 }],
  ['SHA384', { mac: 'sha384', macLength: 48 }],
]);

type MacCipher =
  | Omit<Extract<SuiteProtection, { kind: 'cbc' }>, 'mac' | 'macLength'>
  | Omit<Extract<SuiteProtection, { kind: 'stream' }>, 'mac' | 'macLength'>;

const macCiphers = new Map<string, MacCipher>([
  ['NULL', { kind: 'stream', cipher: 'null', keyLength: 0 }],
  ['RC4_128', { kind: 'stream', cipher: 'rc4', keyLength: 16 }],
  ['3DES_EDE_CBC', { kind: 'cbc', cipher: 'des-ede3-cbc', keyLength: 24, blockLength: 8 }],
  ...(['AES', 'CAMELLIA', 'ARIA'] as const).flatMap((name) =>
    ([128, 256] as const).map((bits): [string, MacCipher] => {
      const cipher = `${name.toLowerCase() as Lowercase<typeof name>}-${bits}-cbc` as const;
      return [`${name}_${bits}_CBC`, { kind: 'cbc', cipher, keyLength: bits / 8, blockLength: 16 }];
    }),
  ),
]);
