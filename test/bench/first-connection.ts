// A process that has loaded nothing yet. Arguments: node:tls or another name for this library, port, certificate to trust.
import { once } from 'node:events';

const [, , name, port, ca] = process.argv;
const [processor, start] = [process.cpuUsage(), performance.now()];
// As it is published: compiled, not TypeScript.
const tls = await import(name === 'node:tls' ? name : new URL('../../dist/index.js', import.meta.url).href);
const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
await once(socket, 'secureConnect');
const wall = performance.now() - start;
const { user, system } = process.cpuUsage(processor);
process.send?.({ wall, processor: (user + system) / 1000 });
socket.destroy();
process.disconnect();
