export type { CredentialFiles } from './credentials/credential-files.ts';
export {
  CredentialWatch,
  type CredentialWatchEvents,
  type CredentialWatchOptions,
  watchCredentials,
} from './credentials/credential-watch.ts';
