// node redis-client.mjs PORT CA
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

const [port, ca] = process.argv.slice(2);
const tls = { ca: readFileSync(ca, 'utf8') };
const redis = new Redis({ host: 'localhost', port: Number(port), tls, retryStrategy: () => null });
redis.on('error', (error) => console.error(error.code));
const value = 'v'.repeat(500_000);
await redis.set('key', value);
const pipeline = redis.pipeline();
for (let index = 0; index < 1000; index++) pipeline.incr('count');
await pipeline.exec();
const [back, count] = [await redis.get('key'), await redis.get('count')];
await redis.quit();
console.log(JSON.stringify({ same: back === value, count }));
