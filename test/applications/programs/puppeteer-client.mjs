// node puppeteer-client.mjs CHROMIUM PROFILE KEY-HASH HTTP/1.1-URL HTTP/2-URL WEBSOCKET-URL: what pages get in Chromium, which trusts that key.
import puppeteer from 'puppeteer-core';

const [executablePath, userDataDir, key, http1, http2, websocket] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath,
  userDataDir,
  // It ends with this program, whatever ends that.
  pipe: true,
  args: [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server'],
    `--ignore-certificate-errors-spki-list=${key}`,
  ],
});

async function visit(url) {
  const page = await browser.newPage();
  const response = await page.goto(url);
  const told = await response.json();
  const { nextHopProtocol, same } = await page.evaluate(async () => {
    const body = JSON.stringify({ text: 'x'.repeat(300_000) });
    const headers = { 'content-type': 'application/json' };
    const back = await (await fetch('/echo', { method: 'POST', headers, body })).text();
    return { nextHopProtocol: performance.getEntriesByType('navigation')[0].nextHopProtocol, same: back === body };
  });
  return { told, protocol: response.securityDetails().protocol(), nextHopProtocol, same };
}

const pages = [await visit(http1), await visit(http2)];
const [page] = await browser.pages();
const length = await page.evaluate(async (url) => {
  const socket = new WebSocket(url);
  const next = (name) => new Promise((resolve) => socket.addEventListener(name, resolve, { once: true }));
  await next('open');
  socket.send('x'.repeat(300_000));
  const { data } = await next('message');
  socket.close();
  await next('close');
  return data.length;
}, websocket);
await browser.close();
console.log(JSON.stringify({ pages, length }));
