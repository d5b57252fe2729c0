// node msw-client.mjs URL: what msw answers instead of the network, by https and fetch; and a request that it lets through to URL.
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';

const [url] = process.argv.slice(2);
const server = setupServer(http.get('https://msw.invalid/one', () => HttpResponse.text('mocked', { status: 202 })));
server.listen({ onUnhandledRequest: 'bypass' });
const by = (target) =>
  new Promise((resolve, reject) => {
    https
      .get(target, async (response) => {
        const { authorized, encrypted } = response.socket;
        resolve({ status: response.statusCode, body: await text(response), authorized, encrypted });
      })
      .on('error', reject);
  });
const got = await by('https://msw.invalid/one');
const fetched = await (await fetch('https://msw.invalid/one')).text();
const through = await by(url);
server.close();
console.log(JSON.stringify({ got, fetched, through }));
