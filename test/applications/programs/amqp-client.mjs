// node amqp-client.mjs PORT CA KEY CERT: messages through a queue, large and many.
import { readFileSync } from 'node:fs';
import amqp from 'amqplib';

const [port, ...files] = process.argv.slice(2);
const [ca, key, cert] = files.map((file) => readFileSync(file));
const connection = await amqp.connect(`amqps://localhost:${port}`, { ca, key, cert });
const channel = await connection.createConfirmChannel();
const { queue } = await channel.assertQueue('', { exclusive: true });
const messages = [Buffer.alloc(500_000, 'ktls'), ...Array.from({ length: 500 }, (_, index) => Buffer.from(`${index}`))];
for (const message of messages) channel.sendToQueue(queue, message);
await channel.waitForConfirms();
const received = [];
await new Promise((resolve) => {
  channel.consume(queue, (message) => {
    channel.ack(message);
    received.push(message.content);
    if (received.length === messages.length) resolve();
  });
});
const same = messages.every((message, index) => message.equals(received[index]));
const { product } = connection.connection.serverProperties;
await connection.close();
console.log(JSON.stringify({ product, count: received.length, same }));
