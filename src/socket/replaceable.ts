import { createSecureContext } from './secure-context.ts';

/**
 * What programs replace on the module to change all connections, as packages that add certificates do:
 * `tls.createSecureContext = …`. Looked up at each use.
 */
export const replaceable: { createSecureContext: typeof createSecureContext } = { createSecureContext };
