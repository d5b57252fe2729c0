// node ldap-client.mjs PORT CA secure|STARTTLS: an entry, written, found and deleted.
import { readFileSync } from 'node:fs';
import { Client } from 'ldapts';

const [port, caFile, how] = process.argv.slice(2);
const secure = how === 'secure';
const tlsOptions = { ca: readFileSync(caFile), host: 'localhost' };
const client = new Client({ url: `${secure ? 'ldaps' : 'ldap'}://localhost:${port}`, ...(secure && { tlsOptions }) });
if (!secure) await client.startTLS(tlsOptions);
await client.bind('cn=root,dc=example,dc=org', 'secret');
const name = 'dc=example,dc=org';
const description = 'k'.repeat(200_000);
const attributes = { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'ktls', description };
await client.add(name, attributes);
const { searchEntries } = await client.search(name, { scope: 'sub', filter: '(o=ktls)' });
await client.del(name);
await client.unbind();
const [entry] = searchEntries;
console.log(JSON.stringify({ count: searchEntries.length, name: entry.dn, same: entry.description === description }));
