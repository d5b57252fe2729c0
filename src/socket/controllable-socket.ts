import type { RecordLayerName } from '../connection/record-layer.ts';
import type { ContextHandshake } from '../context/handshake.ts';
import { isOneOf, letNodeRefuseCall } from '../context/node-errors.ts';
import { replaceable } from '../context/replaceable.ts';
import { isSecureContext, type SecureContext, type SecureContextOptions } from '../context/secure-context.ts';
import { codedError } from '../errors.ts';
import type { ConnectionKeys } from '../keys/exported-keys.ts';
import { type KeyOutlets, notExported } from './key-outlets.ts';
import { verifyError } from './negotiated.ts';
import { NegotiatedSocket } from './negotiated-socket.ts';
import { type SendFileOptions, sendFile } from './send-file.ts';
import type { SendableFile } from './sendable-file.ts';
import type { TlsSession } from './tls-session.ts';

/** What can be asked and wanted of a connection, beside reading and writing. */
export abstract class ControllableSocket extends NegotiatedSocket {
  protected abstract readonly _ktlsHandshake: ContextHandshake | undefined;
  protected abstract readonly _ktlsSession: TlsSession | undefined;
  protected abstract readonly _ktlsOutlets: KeyOutlets;
  #fragmentLimit: number | undefined;

  /** The layers that carry this connection's records, and why a direction is not on the kernel. */
  get recordLayer(): {
    readonly read: RecordLayerName;
    readonly write: RecordLayerName;
    readonly reason: { readonly read?: string; readonly write?: string };
  } {
    const { layers, reasons } = this._ktlsSession?.connection ?? unstarted;
    return {
      ...layers,
      reason: {
        ...(reasons.read !== undefined && { read: reasons.read }),
        ...(reasons.write !== undefined && { write: reasons.write }),
      },
    };
  }

  /** The kernel seals what is written. */
  get ktlsSend(): boolean {
    return this.recordLayer.write === 'kernel';
  }

  /** The kernel opens what is received. */
  get ktlsRecv(): boolean {
    return this.recordLayer.read === 'kernel';
  }

  /**
   * How often the keys of each direction have been changed (RFC 8446 §4.6.3), which is no secret; undefined before there are any, and where
   * OpenSSL keeps them to itself.
   */
  get keyEpochs(): { readonly read: number | undefined; readonly write: number | undefined } {
    return { read: undefined, write: undefined, ...this._ktlsSession?.connection.epochs };
  }

  /** New keys for what this side sends and, with `requestPeer`, for what it receives (RFC 8446 §4.6.3). Throws before TLS 1.3. */
  updateKeys({ requestPeer = false }: { requestPeer?: boolean } = {}): void {
    if (!this._ktlsSession || !this._ktlsEstablished)
      throw codedError('ERR_TLS_INVALID_STATE', 'The handshake is not done');
    this._ktlsSession.connection.updateKeys(requestPeer);
  }

  /**
   * The keys in use, for the next record of each direction, and what was negotiated: copies, the caller's own to dispose of.
   * Throws ERR_KTLS_KEYS_NOT_EXPORTED without the option `exportKeys`, ERR_TLS_INVALID_STATE before the handshake is done and once
   * the connection is gone.
   */
  exportKeys(): ConnectionKeys {
    const session = this._ktlsSession;
    if (!this._ktlsOutlets.exportsKeys) throw notExported();
    if (!session || !this._ktlsConnection || !this._ktlsEstablished)
      throw codedError('ERR_TLS_INVALID_STATE', 'The handshake is not done');
    return this._ktlsOutlets.connectionKeys(session.connection);
  }

  /** Server, while it chooses a certificate: uses the one of `context`. */
  setKeyCert(context: SecureContext | SecureContextOptions): void {
    const chosen = isSecureContext(context) ? context : replaceable.createSecureContext(context);
    if (this._ktlsConnection) this._ktlsHandshake?.useIdentity(chosen);
  }

  /** Fragments of at most `size` bytes, 512 to 16384 (RFC 8446 §5.1). Answers whether that is possible. */
  setMaxSendFragment(size: number): boolean {
    if (size !== (size | 0)) letNodeRefuseCall('setMaxSendFragment', [size]);
    if (this.destroyed || size < 512 || size > 16384) return false;
    this.#fragmentLimit = size;
    return this._ktlsSession?.connection.limitFragments(size) ?? true;
  }

  /** For a connection that begins: what was asked for before. */
  protected _ktlsLimitFragments({ connection }: TlsSession): void {
    if (this.#fragmentLimit !== undefined) connection.limitFragments(this.#fragmentLimit);
  }

  /** Never possible: keys that have left OpenSSL cannot be renegotiated. Answers false, and tells `callback`. */
  renegotiate(options: object, callback?: (error: Error | null) => void): boolean | undefined {
    const valid = typeof options === 'object' && options !== null && callback !== null && isOneOf(callback, 'function');
    if (!valid) letNodeRefuseCall('renegotiate', [options, callback]);
    if (this.destroyed) return undefined;
    const refusal = this.getProtocol() === 'TLSv1.3' ? noRenegotiation13() : renegotiationDisabled();
    if (callback) process.nextTick(callback, refusal);
    return false;
  }

  disableRenegotiation(): void {}

  /** Writes what is negotiated to stderr, in OpenSSL's words (SSL_trace(3)). For debugging: the format is nobody's to rely on. */
  enableTrace(): void {
    if (this._ktlsConnection) this._ktlsHandshake?.trace();
  }

  /** Why the peer is not trusted; null when it is, which it never is before it has shown who it is. */
  verifyError(): Error | null {
    return verifyError(this._ktlsConnection?.negotiated, this._ktlsIsServer);
  }

  override ref(): this {
    this._ktlsSession?.transport.ref();
    return super.ref();
  }

  override unref(): this {
    this._ktlsSession?.transport.unref();
    return super.unref();
  }

  /** Sends a file, in its turn among the writes: see {@link sendFile}. */
  sendFile(file: SendableFile, options?: SendFileOptions): Promise<number> {
    return sendFile(this, file, options);
  }
}

const unstarted = {
  layers: { read: 'wasm', write: 'wasm' },
  reasons: { read: undefined, write: undefined },
} as const;

const renegotiationDisabled = (): Error =>
  codedError('ERR_TLS_RENEGOTIATION_DISABLED', 'TLS session renegotiation disabled for this socket');

/** What OpenSSL says of TLS 1.3, which has no renegotiation (RFC 8446 §4.1.2). */
const noRenegotiation13 = (): Error =>
  codedError('ERR_SSL_WRONG_SSL_VERSION', 'error:0A00010A:SSL routines::wrong ssl version', {
    library: 'SSL routines',
    reason: 'wrong ssl version',
  });
