import { typeError } from '../errors/coded.ts';
import { type FileListener, sendReadStreams } from '../files/read-streams.ts';

/**
 * Has files that applications pipe into responses sent without being read. `switched`: what the variable KTLS_FILES says: `off`, `all` (small
 * ones, too) or nothing; throws for a word that is none, rather than leave somebody believe that it was heard.
 */
export function carryFiles(switched: string | undefined, listener: FileListener | undefined): void {
  const word = switched?.trim().toLowerCase() ?? '';
  if (word === 'off') return;
  if (word !== '' && word !== 'all') {
    const message = `The environment variable KTLS_FILES must be off, all or empty. Received '${word.slice(0, 16)}'`;
    throw typeError('ERR_INVALID_ARG_VALUE', message);
  }
  sendReadStreams(listener, word === 'all' ? 1 : undefined);
}
