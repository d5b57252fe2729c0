// node nock-client.mjs: what nock answers instead of the network, by https and fetch; and what goes on to nobody.
import https from 'node:https';
import { text } from 'node:stream/consumers';
import nock from 'nock';

nock.disableNetConnect();
nock('https://nock.invalid').get('/one').reply(200, 'first').get('/two').reply(201, 'second');
const got = await new Promise((resolve, reject) => {
  https.get('https://nock.invalid/one', async (response) => resolve(await text(response))).on('error', reject);
});
const fetched = await fetch('https://nock.invalid/two');
const refused = await new Promise((resolve) => {
  https.get('https://other.invalid/').on('error', ({ code }) => resolve(code));
});
console.log(JSON.stringify({ got, fetched: [fetched.status, await fetched.text()], refused, done: nock.isDone() }));
