import { nodeTls } from '../platform/node-tls.ts';
import { createSecureContext } from './secure-context.ts';

/**
 * What programs replace on the module to change all connections: `tls.createSecureContext = …`, as packages that add certificates do, and
 * `tls.checkServerIdentity = …`, as those that pin them do. Looked up at each use.
 */
export const replaceable: {
  createSecureContext: typeof createSecureContext;
  checkServerIdentity: typeof nodeTls.checkServerIdentity;
} = { createSecureContext, checkServerIdentity: nodeTls.checkServerIdentity };
