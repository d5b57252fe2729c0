import { logConnections } from './adapters/connection-log.ts';
import { replaceNodeTls } from './adapters/replace-node-tls.ts';

// `node --import ktls/register app.js`, or NODE_OPTIONS.
replaceNodeTls();
if (process.env.KTLS_DEBUG === '1') logConnections();
