import { versions } from '../../src/platform/versions.ts';

/** The tests run on the OpenSSL that has Encrypted ClientHello: vitest.config.ts. */
export const isOpenSSL4 = versions.openssl.startsWith('4.');
