/** What both sides have agreed on, as far as that is known when it is asked for. A value: nothing of it changes, and it outlives the handshake. */
export interface Negotiated {
  /** Protocol version as on the wire. */
  readonly version: number;
  /** The suite: OpenSSL's name, the IANA one, and the version that introduced it. */
  readonly cipher: CipherSuite | undefined;
  /** The group of the key exchange, by OpenSSL's name. */
  readonly group: string | undefined;
  /** What the server signed its handshake with, as RFC 8446 §4.2.3 calls it; undefined in a resumed session. */
  readonly signatureScheme: string | undefined;
  /** A character for each byte: a name should be ASCII (RFC 6066 §3), and what is not must be the same to all who look at it. */
  readonly serverName: string | undefined;
  readonly alpn: string | undefined;
  readonly sessionReused: boolean;
  /** The largest fragment that may be sent, in bytes: 16384 if nothing less was negotiated (RFC 6066 §4). */
  readonly maxFragmentLength: number;
  /** The randoms of both hellos, 32 bytes each once they are known. */
  readonly clientRandom: Uint8Array;
  readonly serverRandom: Uint8Array;
  /** The peer's certificates as sent, leaf first, DER. */
  readonly peerChain: readonly Uint8Array[];
  /** 0, or an X509_V_ERR_* code (X509_verify_cert_error_string(3)), and OpenSSL's words for it. */
  readonly verifyResult: number;
  readonly verifyText: string;
}

export interface CipherSuite {
  readonly name: string;
  readonly standardName: string;
  readonly version: string;
}
