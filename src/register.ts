import { carryFiles } from './adapters/carry-files.ts';
import { logConnections, logFile } from './adapters/connection-log.ts';
import { replaceNodeTls } from './adapters/replace-node-tls.ts';

// `node --import ktls/register app.js`, or NODE_OPTIONS.
replaceNodeTls();
carryFiles(process.env.KTLS_FILES, process.env.KTLS_DEBUG === '1' ? logFile : undefined);
if (process.env.KTLS_DEBUG === '1') logConnections();
