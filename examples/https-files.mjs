// node https-files.mjs FOLDER [PORT]: the files of a folder over HTTPS. key.pem and cert.pem are in the current folder.
import { readFileSync } from 'node:fs';
import { createServer, serveFiles } from 'ktls/https';

const [folder = 'public', port = '8443'] = process.argv.slice(2);
const server = createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }, serveFiles(folder));
server.on('secureConnection', (socket) => {
  // With the first file of 64 KiB the kernel may take over what is sent, and says so.
  socket.on('recordLayer', ({ write, reason }) => console.log(`sends by ${write}`, reason.write ?? ''));
});
server.listen(Number(port), () => console.log(`https://localhost:${server.address().port}/`));
