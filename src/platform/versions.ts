import { engineModule } from './openssl/engine-host.ts';

/** What this library is made of: its own version, and that of the OpenSSL in its WebAssembly module, as the module says it. */
export const versions: { readonly ktls: string; readonly openssl: string } = {
  ktls: '0.1.0',
  get openssl(): string {
    return engineModule().opensslVersion;
  },
};
