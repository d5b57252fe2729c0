// node mqtt-client.mjs PORT CA KEY CERT: messages to itself, large and many.
import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';

const [port, ...files] = process.argv.slice(2);
const [ca, key, cert] = files.map((file) => readFileSync(file));
const client = await mqtt.connectAsync(`mqtts://localhost:${port}`, { ca, key, cert, reconnectPeriod: 0 });
const messages = [Buffer.alloc(500_000, 'ktls'), ...Array.from({ length: 500 }, (_, index) => Buffer.from(`${index}`))];
const received = [];
const all = new Promise((resolve, reject) => {
  client.on('error', reject);
  client.on('message', (_topic, payload) => {
    received.push(payload);
    if (received.length === messages.length) resolve();
  });
});
await client.subscribeAsync('topic', { qos: 1 });
await Promise.all(messages.map((message) => client.publishAsync('topic', message, { qos: 1 })));
await all;
const same = messages.every((message, index) => message.equals(received[index]));
await client.endAsync();
console.log(JSON.stringify({ count: received.length, same }));
