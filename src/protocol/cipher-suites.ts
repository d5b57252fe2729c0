/** What a cipher suite stands for, as far as it concerns records and their keys. */
export interface CipherSuite {
  /** IANA's name. */
  readonly name: string;
  readonly protection: SuiteProtection | undefined;
  /** Hash of HKDF (RFC 8446 §7.1) or of the PRF (RFC 5246 §5). */
  readonly hash: 'sha256' | 'sha384';
}

/** How records are protected; undefined in {@link CipherSuite} where no layer here can. */
export type SuiteProtection =
  | { readonly kind: 'aead'; readonly aead: SuiteAead }
  /** CBC and a MAC (RFC 5246 §6.2.3.2). */
  | {
      readonly kind: 'cbc';
      readonly cipher: 'aes-128-cbc' | 'aes-256-cbc';
      readonly keyLength: number;
      readonly mac: 'sha1' | 'sha256' | 'sha384';
      readonly macLength: number;
    };

/** By node:crypto's names. AES-CCM with shorter tags (AES_CCM_8) is none of them. */
export type SuiteAead = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305' | 'aes-128-ccm' | 'aes-256-ccm';

/** Looks a suite up by its number. One that is not in the list has its number as name. */
export function cipherSuite(number: number): CipherSuite {
  const name = names.get(number);
  if (name === undefined) {
    return { name: `0x${number.toString(16).padStart(4, '0')}`, protection: undefined, hash: 'sha256' };
  }
  return { name, protection: protectionIn(name), hash: name.endsWith('SHA384') ? 'sha384' : 'sha256' };
}

/** The names say it all: what they end with is the cipher and a hash. */
function protectionIn(name: string): SuiteProtection | undefined {
  if (name.includes('CHACHA20_POLY1305')) return { kind: 'aead', aead: 'chacha20-poly1305' };
  const [, ccmBits] = /_AES_(128|256)_CCM(?:_SHA256)?$/.exec(name) ?? [];
  if (ccmBits !== undefined) return { kind: 'aead', aead: ccmBits === '128' ? 'aes-128-ccm' : 'aes-256-ccm' };
  const [, bits, mode, hash = ''] = /_AES_(128|256)_(GCM|CBC)_(SHA\d*)$/.exec(name) ?? [];
  if (mode === 'GCM') return { kind: 'aead', aead: bits === '128' ? 'aes-128-gcm' : 'aes-256-gcm' };
  if (mode !== 'CBC') return undefined;
  const mac = ({ SHA: 'sha1', SHA256: 'sha256', SHA384: 'sha384' } as const)[hash];
  if (mac === undefined) return undefined;
  const macLength = { sha1: 20, sha256: 32, sha384: 48 }[mac];
  return bits === '128'
    ? { kind: 'cbc', cipher: 'aes-128-cbc', keyLength: 16, mac, macLength }
    : { kind: 'cbc', cipher: 'aes-256-cbc', keyLength: 32, mac, macLength };
}

/** iana.org/assignments/tls-parameters: what OpenSSL 3.5 and current browsers negotiate. */
const names = new Map<number, string>([
  [0x1301, 'TLS_AES_128_GCM_SHA256'],
  [0x1302, 'TLS_AES_256_GCM_SHA384'],
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256'],
  [0x1304, 'TLS_AES_128_CCM_SHA256'],
  [0x1305, 'TLS_AES_128_CCM_8_SHA256'],
  [0x002f, 'TLS_RSA_WITH_AES_128_CBC_SHA'],
  [0x0033, 'TLS_DHE_RSA_WITH_AES_128_CBC_SHA'],
  [0x0035, 'TLS_RSA_WITH_AES_256_CBC_SHA'],
  [0x0039, 'TLS_DHE_RSA_WITH_AES_256_CBC_SHA'],
  [0x003c, 'TLS_RSA_WITH_AES_128_CBC_SHA256'],
  [0x003d, 'TLS_RSA_WITH_AES_256_CBC_SHA256'],
  [0x0067, 'TLS_DHE_RSA_WITH_AES_128_CBC_SHA256'],
  [0x006b, 'TLS_DHE_RSA_WITH_AES_256_CBC_SHA256'],
  [0x008c, 'TLS_PSK_WITH_AES_128_CBC_SHA'],
  [0x008d, 'TLS_PSK_WITH_AES_256_CBC_SHA'],
  [0x009c, 'TLS_RSA_WITH_AES_128_GCM_SHA256'],
  [0x009d, 'TLS_RSA_WITH_AES_256_GCM_SHA384'],
  [0x009e, 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256'],
  [0x009f, 'TLS_DHE_RSA_WITH_AES_256_GCM_SHA384'],
  [0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256'],
  [0x00a9, 'TLS_PSK_WITH_AES_256_GCM_SHA384'],
  [0x00aa, 'TLS_DHE_PSK_WITH_AES_128_GCM_SHA256'],
  [0x00ab, 'TLS_DHE_PSK_WITH_AES_256_GCM_SHA384'],
  [0x00ac, 'TLS_RSA_PSK_WITH_AES_128_GCM_SHA256'],
  [0x00ad, 'TLS_RSA_PSK_WITH_AES_256_GCM_SHA384'],
  [0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256'],
  [0x00af, 'TLS_PSK_WITH_AES_256_CBC_SHA384'],
  [0xc009, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA'],
  [0xc00a, 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA'],
  [0xc013, 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'],
  [0xc014, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
  [0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'],
  [0xc024, 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384'],
  [0xc027, 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256'],
  [0xc028, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'],
  [0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
  [0xc02c, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
  [0xc02f, 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
  [0xc030, 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
  [0xc035, 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA'],
  [0xc036, 'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA'],
  [0xc037, 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256'],
  [0xc038, 'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384'],
  [0xc09c, 'TLS_RSA_WITH_AES_128_CCM'],
  [0xc09d, 'TLS_RSA_WITH_AES_256_CCM'],
  [0xc09e, 'TLS_DHE_RSA_WITH_AES_128_CCM'],
  [0xc09f, 'TLS_DHE_RSA_WITH_AES_256_CCM'],
  [0xc0ac, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM'],
  [0xc0ad, 'TLS_ECDHE_ECDSA_WITH_AES_256_CCM'],
  [0xcca8, 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xcca9, 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccaa, 'TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccab, 'TLS_PSK_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccac, 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccad, 'TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccae, 'TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256'],
]);
