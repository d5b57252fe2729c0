// node nats-client.mjs PORT CA KEY CERT: questions and answers of two connections.
import { readFileSync } from 'node:fs';
import { connect } from '@nats-io/transport-node';

const [port, ...files] = process.argv.slice(2);
const [ca, key, cert] = files.map((file) => readFileSync(file, 'utf8'));
const options = { servers: `localhost:${port}`, tls: { ca, key, cert }, reconnect: false };
const [server, client] = await Promise.all([connect(options), connect(options)]);
server.subscribe('echo', { callback: (_error, message) => message.respond(message.data) });
await server.flush();
const questions = [
  Buffer.alloc(500_000, 'ktls'),
  ...Array.from({ length: 500 }, (_, index) => Buffer.from(`${index}`)),
];
const answers = await Promise.all(questions.map((data) => client.request('echo', data, { timeout: 10_000 })));
const same = questions.every((data, index) => data.equals(answers[index].data));
const { tls_required: required } = client.info;
await Promise.all([server.drain(), client.drain()]);
console.log(JSON.stringify({ required, count: answers.length, same }));
