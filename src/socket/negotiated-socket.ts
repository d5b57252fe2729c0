import type { NonSharedBuffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import type { CipherNameAndProtocol, DetailedPeerCertificate, EphemeralKeyInfo, PeerCertificate } from 'node:tls';
import type { Engine } from '../engine/engine.ts';
import { codedError } from '../errors.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { ownCertificate, peerCertificate, x509, x509OfChain } from './negotiated.ts';
import { isOneOf, letNodeRefuseCall } from './node-errors.ts';
import { versionName } from './protocol-versions.ts';
import { SocketOverStream } from './socket-over-stream.ts';

/**
 * What node:tls's TLSSocket tells of its connection. After destroy() all of it is null or undefined, as there, which the declarations of
 * node:tls do not say: hence the overloads.
 */
export abstract class NegotiatedSocket extends SocketOverStream {
  /** The connection's engine, while there is one. */
  protected abstract readonly _ktlsEngine: Engine | undefined;
  /** Whether the handshake is done. */
  protected abstract readonly _ktlsEstablished: boolean;
  protected abstract readonly _ktlsIsServer: boolean;

  /** 'TLSv1.3' or 'TLSv1.2', 'TLSv1.3' also before the handshake; null once destroyed. */
  getProtocol(): string | null {
    return this.destroyed ? null : versionName(this._ktlsEngine?.version ?? ProtocolVersion.tls13);
  }

  /** The suite; undefined before the handshake, null once destroyed. */
  getCipher(): CipherNameAndProtocol;
  getCipher(): CipherNameAndProtocol | undefined | null {
    return this.destroyed ? null : this._ktlsEngine?.cipher;
  }

  /** The group of the key exchange, by OpenSSL's name: 'x25519', 'X25519MLKEM768', 'secp256r1'. */
  getGroup(): string | undefined {
    return this._ktlsEngine?.group;
  }

  /** Client: the server's share of the key exchange. Null on a server. */
  getEphemeralKeyInfo(): EphemeralKeyInfo | object | null {
    if (!this._ktlsEngine || this._ktlsIsServer) return null;
    const { ephemeralKey: key, group } = this._ktlsEngine;
    // OpenSSL has no key to show of a hybrid group, and neither has a resumed session of TLS 1.2.
    if (!key) return group ? { type: 'TLSGroup', name: group, size: undefined } : {};
    return key.type === 'DH' ? { type: key.type, size: key.size } : key;
  }

  /** The peer's certificate; with `detailed`, linked to its issuers. */
  getPeerCertificate(detailed: true): DetailedPeerCertificate;
  getPeerCertificate(detailed?: false): PeerCertificate;
  getPeerCertificate(detailed?: boolean): PeerCertificate | DetailedPeerCertificate;
  getPeerCertificate(detailed = false): object | null {
    return this._ktlsEngine ? peerCertificate(this._ktlsEngine, detailed) : null;
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return x509OfChain(this._ktlsEngine?.peerChain ?? []);
  }

  getCertificate(): PeerCertificate | object | null {
    return this._ktlsEngine ? ownCertificate(this._ktlsEngine) : null;
  }

  getX509Certificate(): X509Certificate | undefined {
    return x509(this._ktlsEngine?.ownCertificate);
  }

  /** This side's Finished message (RFC 8446 §4.4.4). */
  getFinished(): NonSharedBuffer | undefined;
  getFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsEngine?.finishedMessage('own'));
  }

  getPeerFinished(): NonSharedBuffer | undefined;
  getPeerFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsEngine?.finishedMessage('peer'));
  }

  getSharedSigalgs(): string[];
  getSharedSigalgs(): string[] | null {
    return this.destroyed ? null : (this._ktlsEngine?.sharedSignatureAlgorithms ?? []).map(nodeName);
  }

  /** The ticket of the current session (RFC 5077). */
  getTLSTicket(): NonSharedBuffer | undefined;
  getTLSTicket(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : asBuffer(this._ktlsEngine?.ticket);
  }

  isSessionReused(): boolean;
  isSessionReused(): boolean | null {
    return this.destroyed ? null : (this._ktlsEngine?.sessionReused ?? false);
  }

  /**
   * `length` bytes of keying material for other protocols (RFC 5705, RFC 8446 §7.5).
   * Throws ERR_TLS_INVALID_STATE before the handshake is done.
   */
  exportKeyingMaterial(length: number, label: string, context?: Buffer): NonSharedBuffer {
    const valid = Number.isInteger(length) && length > 0 && typeof label === 'string' && isOneOf(context, 'bytes');
    if (!valid) letNodeRefuseCall('exportKeyingMaterial', [length, label, context]);
    if (!this._ktlsEngine || !this._ktlsEstablished) {
      throw codedError('ERR_TLS_INVALID_STATE', 'TLS socket connection must be securely established');
    }
    const material = this._ktlsEngine.exportKeyingMaterial(length, label, context);
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
