import { defaults } from './defaults.ts';

/** node:tls has one list of suites for both versions, OpenSSL one for each: TLS 1.3's names begin with TLS_ (RFC 8446 §B.4). */
export function splitCiphers(ciphers: string | undefined | null): { cipherList: string; cipherSuites: string } {
  const names = (ciphers || defaults.DEFAULT_CIPHERS).split(':').filter((name) => name.length > 0);
  const isSuite = (name: string): boolean => name.startsWith('TLS_') || name.startsWith('!TLS_');
  return {
    cipherList: names.filter((name) => !isSuite(name)).join(':'),
    cipherSuites: names.filter(isSuite).join(':'),
  };
}

/** Whether anything is left to negotiate. */
export function ciphersAreValid(ciphers: string | undefined | null): boolean {
  const { cipherList, cipherSuites } = splitCiphers(typeof ciphers === 'string' ? ciphers : undefined);
  return cipherList !== '' || cipherSuites !== '';
}
