export { heed } from '../context/changeable.ts';
export { connectionName, type KtlsOptions } from '../socket/ktls-options.ts';
