import tls from 'node:tls';
import { lookUp } from './changeable.ts';

/** What node:tls lets a program change for the whole process; the public module shows these as its own properties. */
export const defaults: {
  DEFAULT_CIPHERS: string;
  DEFAULT_ECDH_CURVE: string;
  DEFAULT_MIN_VERSION: tls.SecureVersion;
  DEFAULT_MAX_VERSION: tls.SecureVersion;
  CLIENT_RENEG_LIMIT: number;
  CLIENT_RENEG_WINDOW: number;
} = lookUp({
  DEFAULT_CIPHERS: tls.DEFAULT_CIPHERS,
  DEFAULT_ECDH_CURVE: tls.DEFAULT_ECDH_CURVE,
  DEFAULT_MIN_VERSION: tls.DEFAULT_MIN_VERSION,
  DEFAULT_MAX_VERSION: tls.DEFAULT_MAX_VERSION,
  CLIENT_RENEG_LIMIT: tls.CLIENT_RENEG_LIMIT,
  CLIENT_RENEG_WINDOW: tls.CLIENT_RENEG_WINDOW,
});
