export { connectionName, type KtlsOptions } from '../socket/ktls-options.ts';
