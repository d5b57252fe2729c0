/** The hash that a suite names; TLS 1.2 suites that name SHA-1 or none use SHA-256 here (RFC 5246 §5, RFC 6655 §3). */
export function suiteHash(standardName: string): 'sha256' | 'sha384' {
  return standardName.endsWith('_SHA384') ? 'sha384' : 'sha256';
}
