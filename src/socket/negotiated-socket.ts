import type { NonSharedBuffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import type { CipherNameAndProtocol, DetailedPeerCertificate, EphemeralKeyInfo, PeerCertificate } from 'node:tls';
import type { Connection } from '../connection/connection.ts';
import { isOneOf, letNodeRefuseCall } from '../context/node-errors.ts';
import { versionName } from '../context/protocol-versions.ts';
import { codedError } from '../errors.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { ownCertificate, peerCertificate, x509, x509OfChain } from './negotiated.ts';
import { SocketOverStream } from './socket-over-stream.ts';

/**
 * What node:tls's TLSSocket tells of its connection. After destroy() all of it is null or undefined, as there, which the declarations of
 * node:tls do not say: hence the overloads.
 */
export abstract class NegotiatedSocket extends SocketOverStream {
  /** The connection, while there is one. */
  protected abstract readonly _ktlsConnection: Connection | undefined;
  /** Whether the handshake is done. */
  protected abstract readonly _ktlsEstablished: boolean;
  protected abstract readonly _ktlsIsServer: boolean;

  /** 'TLSv1.3' or 'TLSv1.2', 'TLSv1.3' also before the handshake; null once destroyed. */
  getProtocol(): string | null {
    return this.destroyed ? null : versionName(this._ktlsConnection?.negotiated.version ?? ProtocolVersion.tls13);
  }

  /** The suite; undefined before the handshake, null once destroyed. */
  getCipher(): CipherNameAndProtocol;
  getCipher(): CipherNameAndProtocol | undefined | null {
    return this.destroyed ? null : this._ktlsConnection?.negotiated.cipher;
  }

  /** The group of the key exchange, by OpenSSL's name: 'x25519', 'X25519MLKEM768', 'secp256r1'. */
  getGroup(): string | undefined {
    return this._ktlsConnection?.negotiated.group;
  }

  /** Client: the server's share of the key exchange. Null on a server. */
  getEphemeralKeyInfo(): EphemeralKeyInfo | object | null {
    if (!this._ktlsConnection || this._ktlsIsServer) return null;
    const { ephemeralKey: key } = this._ktlsConnection.inspection;
    const { group } = this._ktlsConnection.negotiated;
    // OpenSSL has no key to show of a hybrid group, and neither has a resumed session of TLS 1.2.
    if (!key) return group ? { type: 'TLSGroup', name: group, size: undefined } : {};
    return key.type === 'DH' ? { type: key.type, size: key.size } : key;
  }

  /** The peer's certificate; with `detailed`, linked to its issuers. */
  getPeerCertificate(detailed: true): DetailedPeerCertificate;
  getPeerCertificate(detailed?: false): PeerCertificate;
  getPeerCertificate(detailed?: boolean): PeerCertificate | DetailedPeerCertificate;
  getPeerCertificate(detailed = false): object | null {
    return this._ktlsConnection ? peerCertificate(this._ktlsConnection, detailed) : null;
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return x509OfChain(this._ktlsConnection?.negotiated.peerChain ?? []);
  }

  getCertificate(): PeerCertificate | object | null {
    return this._ktlsConnection ? ownCertificate(this._ktlsConnection) : null;
  }

  getX509Certificate(): X509Certificate | undefined {
    return x509(this._ktlsConnection?.inspection.ownCertificate);
  }

  /** This side's Finished message (RFC 8446 §4.4.4). */
  getFinished(): NonSharedBuffer | undefined;
  getFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsConnection?.inspection.finishedMessage('own'));
  }

  getPeerFinished(): NonSharedBuffer | undefined;
  getPeerFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsConnection?.inspection.finishedMessage('peer'));
  }

  getSharedSigalgs(): string[];
  getSharedSigalgs(): string[] | null {
    return this.destroyed ? null : (this._ktlsConnection?.inspection.sharedSignatureAlgorithms ?? []).map(nodeName);
  }

  /** The ticket of the current session (RFC 5077). */
  getTLSTicket(): NonSharedBuffer | undefined;
  getTLSTicket(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsConnection?.inspection.ticket);
  }

  isSessionReused(): boolean;
  isSessionReused(): boolean | null {
    return this.destroyed ? null : (this._ktlsConnection?.negotiated.sessionReused ?? false);
  }

  /**
   * `length` bytes of keying material for other protocols (RFC 5705, RFC 8446 §7.5).
   * Throws ERR_TLS_INVALID_STATE before the handshake is done.
   */
  exportKeyingMaterial(length: number, label: string, context?: Buffer): NonSharedBuffer {
    const valid = Number.isInteger(length) && length > 0 && typeof label === 'string' && isOneOf(context, 'bytes');
    if (!valid) letNodeRefuseCall('exportKeyingMaterial', [length, label, context]);
    if (!this._ktlsConnection || !this._ktlsEstablished) {
      throw codedError('ERR_TLS_INVALID_STATE', 'TLS socket connection must be securely established');
    }
    const material = this._ktlsConnection.inspection.exportKeyingMaterial(length, label, context);
    const copy = Buffer.from(material);
    material.fill(0);
    return copy;
  }
}

/** node:tls writes these two in its own way. */
function nodeName(signatureAlgorithm: string): string {
  return signatureAlgorithm.replace(/^ED(25519|448)$/, 'Ed$1+UNDEF');
}

function asBuffer(bytes: Uint8Array | undefined): NonSharedBuffer | undefined {
  return bytes && Buffer.from(bytes);
}
