// A server that sends a file, with nothing loaded but what it needs, and clients that take a piece of it now and then.
// node slow-readers.mjs serve|ask KIND OPTIONS: as work.mjs. Asked to work, each of the clients takes so many pieces of one response, and all leave.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import https from 'node:https';

const [, , role, , json = '{}'] = process.argv;
const options = JSON.parse(json);

function serve({ key, cert, file }) {
  const { size } = statSync(file);
  const server = https.createServer({ key, cert }, (_request, response) => {
    response.setHeader('content-length', size);
    const stream = createReadStream(file);
    stream.pipe(response);
    response.once('close', () => stream.destroy());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

/** Pauses after each piece, as long as a link of a few MiB in a second would take for it. */
function take({ port, ca }, pieces) {
  return new Promise((resolve, reject) => {
    const request = https.get({ port, host: 'localhost', agent: false, ca }, (response) => {
      let left = pieces;
      response.on('data', () => {
        left--;
        if (left === 0) resolve(request);
        response.pause();
        if (left > 0) setTimeout(() => response.resume(), 20);
      });
    });
    request.on('error', reject);
  });
}

if (role === 'ask' || role === 'serve') {
  process.on('message', async ({ count }) => {
    if (role === 'ask') {
      const requests = await Promise.all(Array.from({ length: options.readers }, () => take(options, count)));
      for (const request of requests) request.destroy();
    }
    const { user, system } = process.cpuUsage();
    // VmHWM, of proc(5): what was taken at most.
    const most = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    process.send({ processor: (user + system) / 1000, most });
  });
  process.send(role === 'serve' ? await serve(options) : 0);
}
