import type { ServerOptions } from '../tls.ts';

/** What this library's options add to those of node:tls. */
export type KtlsOptions = Pick<
  ServerOptions,
  'ktls' | 'portableLayer' | 'requireCloseNotify' | 'exportKeys' | 'capture'
>;
