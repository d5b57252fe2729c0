// node grpc-client.mjs PORT CA
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { service } from './grpc-service.mjs';

const [port, ca] = process.argv.slice(2);
const Client = makeGenericClientConstructor(service, 'Test');
const client = new Client(`localhost:${port}`, credentials.createSsl(readFileSync(ca)));
const request = { text: 'k'.repeat(500_000) };
const answer = await promisify(client.echo.bind(client))(request);
let sum = 0;
for await (const { number } of client.count({ to: 1000 })) sum += number;
client.close();
console.log(JSON.stringify({ same: answer.text === request.text, sum }));
