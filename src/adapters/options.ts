export { heed } from '../socket/changeable.ts';
export { connectionName, type KtlsOptions } from '../socket/ktls-options.ts';
