import { nodeTls } from '../platform/node-tls.ts';
import { lookUp } from './changeable.ts';
import { createSecureContext } from './secure-context.ts';

interface Replaceable {
  readonly createSecureContext: typeof createSecureContext;
  readonly checkServerIdentity: typeof nodeTls.checkServerIdentity;
}

/**
 * What programs replace on the module to change all connections: `tls.createSecureContext = …`, as packages that add certificates do, and
 * `tls.checkServerIdentity = …`, as those that pin them do. Looked up at each use.
 */
export const replaceable: Replaceable = lookUp({
  createSecureContext,
  checkServerIdentity: nodeTls.checkServerIdentity,
});
