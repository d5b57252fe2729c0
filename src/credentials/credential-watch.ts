import { createPrivateKey, X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type net from 'node:net';
import { checkInteger } from '../errors/checks.ts';
import { typeError } from '../errors/coded.ts';
import { credentialsRefused } from '../errors/codes.ts';
import { exchangeCredentials, hasOurContext, type Server } from '../socket/server.ts';
import { type CredentialFiles, type Credentials, pathsOf, readCredentials, stateOf } from './credential-files.ts';

/** Options of {@link watchCredentials}. */
export interface CredentialWatchOptions {
  /** For a key that is encrypted. */
  readonly passphrase?: string | undefined;
  /** Milliseconds between looks at the files, 10 to 3,600,000. Default 5,000. */
  readonly checkEvery?: number | undefined;
  /** Milliseconds for which all of the files must stay as they are before they are read, 1 to 60,000. Default 500. */
  readonly settleFor?: number | undefined;
}

interface Settings {
  readonly passphrase: string | undefined;
  readonly checkEvery: number;
  readonly settleFor: number;
}

/** Events of a {@link CredentialWatch}. */
export interface CredentialWatchEvents {
  /** The server has the credentials that are in the files. */
  changed: [certificate: X509Certificate];
  /** What is in the files cannot be used, and the server goes on with what it had. The error's code is ERR_KTLS_CREDENTIALS. */
  refused: [error: Error];
}

/** What {@link watchCredentials} answers. */
export class CredentialWatch extends EventEmitter<CredentialWatchEvents> implements Disposable {
  readonly #server: Server;
  readonly #files: CredentialFiles;
  readonly #options: Settings;
  readonly #ready: Promise<boolean>;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Of the files when they were last read, and what was in them could be used. */
  #state = '';
  /** What was told of them last, and in which state they were. */
  #refusal = '';
  #lastKey: Uint8Array | undefined;

  /** See {@link watchCredentials}. */
  constructor(server: Server, files: CredentialFiles, options: CredentialWatchOptions = {}) {
    super();
    if (typeof options !== 'object' || options === null)
      throw typeError('ERR_INVALID_ARG_TYPE', 'The "options" argument must be an object');
    const { passphrase, checkEvery = 5_000, settleFor = 500 } = options;
    if (passphrase !== undefined && typeof passphrase !== 'string')
      throw typeError('ERR_INVALID_ARG_TYPE', 'The option passphrase must be a string');
    this.#server = server;
    this.#files = checkedFiles(files);
    this.#options = { passphrase, checkEvery, settleFor };
    checkInteger('checkEvery', checkEvery, 10, 3_600_000);
    checkInteger('settleFor', settleFor, 1, 60_000);
    this.#ready = stateOf(files).then((state) => this.#use(state));
    // What a listener throws must not be the end of it.
    void this.#ready.finally(() => this.#wait(checkEvery));
  }

  /** Resolves when the files were read for the first time. False: they could not be used. */
  ready(): Promise<boolean> {
    return this.#ready;
  }

  /** Looks no more. The server keeps what it has. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #wait(milliseconds: number, before?: string): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#look(before), milliseconds);
    this.#timer.unref();
  }

  /** `before`: what the state was a moment ago, where it is not the one that was last read. */
  async #look(before: string | undefined): Promise<void> {
    const { checkEvery, settleFor } = this.#options;
    const state = await stateOf(this.#files);
    if (this.#isStopped) return;
    if (state === this.#state) this.#wait(checkEvery);
    else if (state !== before) this.#wait(settleFor, state);
    else await this.#use(state).finally(() => this.#wait(checkEvery));
  }

  /** True: the server has what is in the files. */
  async #use(state: string): Promise<boolean> {
    this.#state = state;
    let read: Credentials | undefined;
    try {
      read = await readCredentials(this.#files);
      if (this.#isStopped) return false;
      if ((await stateOf(this.#files)) !== state) {
        // They changed while they were read: the next look is at others.
        this.#state = '';
        return false;
      }
      this.#apply(read);
    } catch (cause) {
      read?.key.fill(0);
      // The next look tries again: what was in the way may have been something else, as too many open files.
      this.#state = '';
      this.#refuse(state, credentialsRefused(cause));
      return false;
    }
    this.#refusal = '';
    const certificate = new X509Certificate(read.cert);
    this.#tell(() => this.emit('changed', certificate));
    return true;
  }

  #refuse(state: string, error: Error): void {
    const refusal = `${state}\n${error.message}`;
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    this.#tell(() => this.emit('refused', error));
  }

  /** What a listener throws is for the process to hear of, and of no matter to who waits for {@link ready}. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  /** Throws, and nothing has changed then, for a pair that does not belong together. */
  #apply({ key, cert, ca }: Credentials): void {
    const { passphrase } = this.#options;
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey({ key, passphrase })))
      throw new Error(`the key in ${this.#files.key} does not belong to the certificate in ${this.#files.cert}`);
    exchangeCredentials(this.#server, { key, cert, passphrase, ca: ca && [...ca] });
    this.#lastKey?.fill(0);
    this.#lastKey = key;
  }
}

/**
 * Lets a server take new credentials without a restart, when their files change: as certbot (symbolic links), cert-manager (a folder swapped by
 * one) and acme-client (files written in place) leave them. Files that are only half there, or a key and a certificate that do not belong together,
 * are told and change nothing. All else that the server was told (ciphers, versions, `requestCert`, …) stays. Sessions go on; but where certificates are
 * asked of clients and `ca` has changed, the older ones are not resumed, as whoever vouched for their clients may be gone from it.
 *
 * The files are looked at by a timer, which does not keep the process alive, since not all file systems tell of changes.
 *
 * @param server - of ktls, or of node:tls under ktls/register: its connections from then on have the new credentials, the others keep theirs
 * @param files - paths, of PEM
 * @throws ERR_INVALID_ARG_TYPE and ERR_OUT_OF_RANGE for arguments that cannot be
 * @example
 * const server = createServer({ key, cert });
 * const live = '/etc/letsencrypt/live/example.org';
 * const watch = watchCredentials(server, { key: `${live}/privkey.pem`, cert: `${live}/fullchain.pem` });
 * watch.on('refused', (error) => console.error(error.message));
 */
export function watchCredentials(
  server: net.Server,
  files: CredentialFiles,
  options?: CredentialWatchOptions,
): CredentialWatch {
  if (!hasOurContext(server))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "server" argument must be a server of ktls, ktls/https or ktls/http2');
  return new CredentialWatch(server, files, options);
}

function checkedFiles(files: CredentialFiles): CredentialFiles {
  if (typeof files !== 'object' || files === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "files" argument must be an object');
  if (files.ca === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The paths of key, cert and ca must be strings or URLs');
  for (const path of pathsOf(files)) {
    if (typeof path !== 'string' && !(path instanceof URL))
      throw typeError('ERR_INVALID_ARG_TYPE', 'The paths of key, cert and ca must be strings or URLs');
    // What is told of a file names it, and a key must not be told.
    if (typeof path === 'string' && /-----BEGIN|\n/.test(path))
      throw typeError('ERR_INVALID_ARG_VALUE', 'key, cert and ca must be paths of files, not PEM text');
  }
  return { ...files };
}
