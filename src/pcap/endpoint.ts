/** One end of a TCP connection. */
export interface Endpoint {
  /** IPv4 in dotted form, IPv6 as RFC 5952 §4 writes it. */
  readonly address: string;
  readonly port: number;
}
