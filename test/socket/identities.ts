import { type Authority, daysFromNow, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';

/** What the tests of sockets know each other by. */
export interface Identities {
  readonly authority: Authority;
  readonly server: Identity;
  readonly rsa: Identity;
  readonly client: Identity;
  /** From an authority that nobody trusts. */
  readonly stranger: Identity & { readonly authority: Authority };
  readonly selfSigned: Identity;
  readonly expired: Identity;
  readonly early: Identity;
  readonly wrongName: Identity;
}

export async function makeIdentities(): Promise<Identities> {
  const authority = await makeAuthority();
  const unknown = await makeAuthority();
  return {
    authority,
    server: await issue(authority),
    rsa: await issue(authority, { keyKind: 'rsa' }),
    client: await issue(authority, { usage: 'client', commonName: 'some client' }),
    stranger: { ...(await issue(unknown)), authority: unknown },
    selfSigned: await issue(undefined),
    expired: await issue(authority, { validTo: daysFromNow(-0.5) }),
    early: await issue(authority, { validFrom: daysFromNow(1) }),
    wrongName: await issue(authority, { names: ['other.example'] }),
  };
}
