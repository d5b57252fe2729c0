// node got-client.mjs URL: the same over HTTP/1.1 and over HTTP/2, which is http2-wrapper's there.
import got from 'got';

const [url] = process.argv.slice(2);
const body = { text: 'x'.repeat(100_000) };
const answers = [];
for (const http2 of [false, true]) {
  const client = got.extend({ http2, retry: { limit: 0 } });
  const { httpVersion, body: text } = await client(url);
  const back = await client.post(new URL('/echo', url), { json: body }).json();
  answers.push({ httpVersion, told: JSON.parse(text), same: back.text === body.text });
}
console.log(JSON.stringify(answers));
process.exit();
