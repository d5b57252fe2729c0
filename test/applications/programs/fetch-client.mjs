// node fetch-client.mjs URL: the same by fetch, by undici and by https.
import https from 'node:https';
import { json } from 'node:stream/consumers';
import { Agent, request } from 'undici';

const [url] = process.argv.slice(2);
const body = JSON.stringify({ text: 'x'.repeat(300_000) });
const headers = { 'content-type': 'application/json' };
const echo = new URL('/echo', url);

const fetched = await (await fetch(url)).json();
const fetchedBack = await (await fetch(echo, { method: 'POST', headers, body })).json();

const dispatcher = new Agent();
const requested = await (await request(url, { dispatcher })).body.json();
const requestedBack = await (await request(echo, { dispatcher, method: 'POST', headers, body })).body.json();
await dispatcher.close();

const got = await new Promise((resolve, reject) => {
  https.get(url, (response) => resolve(json(response))).on('error', reject);
});
const same = [fetchedBack, requestedBack].every((answer) => JSON.stringify(answer) === body);
console.log(JSON.stringify({ fetched, requested, got, same }));
