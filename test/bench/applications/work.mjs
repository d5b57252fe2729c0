// What applications do, as they are: they know nothing of this library. Each kind has a server and a client, of which one is measured.
import { createReadStream, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import fastifyStatic from '@fastify/static';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import send from 'koa-send';
import pg from 'pg';
import { Agent, fetch, setGlobalDispatcher } from 'undici';
import WebSocket, { WebSocketServer } from 'ws';
import { service } from '../../applications/programs/grpc-service.mjs';

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const isBody = async (stream) => {
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
};

/** GET over one kept connection. `slow`: a client that reads for a while and pauses for as long. */
function getter({ port, ca }) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca });
  return (path, take = isBody) =>
    new Promise((resolve, reject) => {
      const request = https.get({ port, host: 'localhost', agent, path }, (response) =>
        take(response).then(resolve, reject),
      );
      request.on('error', reject);
    });
}

async function slowly(response) {
  let length = 0;
  response.on('data', (chunk) => {
    length += chunk.length;
    response.pause();
    setTimeout(() => response.resume(), 1);
  });
  await new Promise((resolve, reject) => response.on('end', resolve).on('error', reject));
  return length;
}

const readerOf = (take) => (options) => {
  const get = getter(options);
  return async (count, path = '/') => {
    for (let i = 0; i < count; i++) await get(path, take);
  };
};

const overHttps = (listener, take) => ({
  serve: ({ key, cert, ...options }) => listening(https.createServer({ key, cert }, listener(options))),
  client: readerOf(take),
});

export const kinds = {
  static: overHttps(({ file }) => express().use((_request, response) => response.sendFile(file))),
  koa: overHttps(({ file }) =>
    new Koa().use((context) => send(context, basename(file), { root: dirname(file) })).callback(),
  ),
  fastify: {
    async serve({ key, cert, file }) {
      const application = fastify({ https: { key, cert } });
      application.register(fastifyStatic, { root: dirname(file), serve: false });
      application.get('/', (_request, reply) => reply.sendFile(basename(file)));
      await application.listen({ port: 0, host: '127.0.0.1' });
      return application.server.address().port;
    },
    client: readerOf(isBody),
  },
  gzip: overHttps(({ file }) => (_request, response) => {
    response.setHeader('content-encoding', 'gzip');
    createReadStream(file)
      .pipe(createGzip({ level: 1 }))
      .pipe(response);
  }),
  slow: overHttps(
    ({ length }) =>
      (_request, response) => {
        const piece = Buffer.alloc(65_536, 1);
        let left = length;
        const source = new Readable({
          highWaterMark: 65_536,
          read() {
            this.push(left > 0 ? piece : null);
            left -= piece.length;
          },
        });
        source.pipe(response);
      },
    slowly,
  ),
  http2: {
    serve({ key, cert, length }) {
      const body = Buffer.alloc(length, 1);
      return listening(http2.createSecureServer({ key, cert }, (_request, response) => response.end(body)));
    },
    client({ port, ca }) {
      const session = http2.connect(`https://localhost:${port}`, { ca });
      return async (count) => {
        const one = async () => {
          for (; count > 0; ) {
            count--;
            await isBody(session.request({ ':path': '/' }));
          }
        };
        await Promise.all(Array.from({ length: 10 }, one));
      };
    },
  },
  grpc: {
    serve({ key, cert }) {
      const server = new Server();
      server.addService(service, { echo: (call, done) => done(null, call.request) });
      const identity = ServerCredentials.createSsl(null, [
        { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
      ]);
      return new Promise((resolve, reject) =>
        server.bindAsync('127.0.0.1:0', identity, (error, port) => (error ? reject(error) : resolve(port))),
      );
    },
    client({ port, ca }) {
      const client = new Client(`localhost:${port}`, credentials.createSsl(Buffer.from(ca)));
      const { path, requestSerialize, responseDeserialize } = service.echo;
      return async (count) => {
        for (let i = 0; i < count; i++)
          await new Promise((resolve, reject) =>
            client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { text: 'hello' }, (error, answer) =>
              error ? reject(error) : resolve(answer),
            ),
          );
      };
    },
  },
  ws: {
    async serve({ key, cert }) {
      const server = https.createServer({ key, cert });
      new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
      return await listening(server);
    },
    client({ port, ca }) {
      const socket = new WebSocket(`wss://localhost:${port}`, { ca });
      const opened = new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      const message = Buffer.alloc(1024, 1);
      return async (count) => {
        await opened;
        for (let i = 0; i < count; i++) {
          const answered = new Promise((resolve) => socket.once('message', resolve));
          socket.send(message);
          await answered;
        }
      };
    },
  },
  undici: {
    serve: ({ key, cert, file }) =>
      listening(https.createServer({ key, cert }, (_request, response) => createReadStream(file).pipe(response))),
    client({ port, ca }) {
      setGlobalDispatcher(new Agent({ connect: { ca } }));
      return async (count) => {
        for (let i = 0; i < count; i++) await isBody((await fetch(`https://localhost:${port}/`)).body);
      };
    },
  },
  pg: {
    serve: ({ port }) => port,
    client({ port, ca, length }) {
      const client = new pg.Client({ host: 'localhost', port, user: 'app', database: 'postgres', ssl: { ca } });
      const connected = client.connect();
      const lines = `SELECT repeat('x', 1023) FROM generate_series(1, ${length / 1024})`;
      return async (count) => {
        await connected;
        for (let i = 0; i < count; i++) await client.query(`COPY (${lines}) TO STDOUT`);
      };
    },
  },
};

// node work.mjs serve|ask KIND OPTIONS: the server tells its port; a client does as often as it is told. Both tell what that cost them.
const [, , role, kind, json = '{}'] = process.argv;
if (role === 'serve' || role === 'ask') {
  const options = JSON.parse(json);
  let counted = process.cpuUsage();
  const work = role === 'ask' ? kinds[kind].client(options) : undefined;
  process.on('message', async ({ count, isFull }) => {
    if (isFull) gc();
    if (work && count) await work(count);
    const { user, system } = process.cpuUsage(counted);
    // VmHWM, of proc(5): what was taken at most.
    const most = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    counted = process.cpuUsage();
    process.send({ processor: (user + system) / 1000, most });
  });
  process.send(role === 'serve' ? await kinds[kind].serve(options) : 0);
}
