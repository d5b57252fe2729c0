import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Service } from '../applications/service.ts';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { FleetServer, hosts, rotateEvery, startHaproxy, startPlainRedis } from './fleet.ts';
import { Visitors } from './visitors.ts';

let identity: IdentityFiles;
let redis: Service;
const ending: (() => Promise<void>)[] = [];

beforeAll(async () => {
  identity = await makeIdentityFiles();
  redis = await startPlainRedis(identity);
});
afterAll(async () => {
  await Promise.all(ending.map((end) => end()));
  await redis?.stop();
  identity.remove();
});

async function fleetOf(by: 'ktls' | 'node:tls') {
  const settings = { by, identity, redisPort: redis.port, secret: randomBytes(16).toString('hex') };
  const servers = hosts.map((host) => new FleetServer(host, settings));
  ending.push(...servers.map((server) => () => server.kill()));
  await Promise.all(servers.map((server) => server.start()));
  const proxy = await startHaproxy(identity, servers);
  ending.push(() => proxy.stop());
  return { servers, visitors: new Visitors(proxy.port, identity.ca) };
}

/** Resolves when `condition` holds, which a timer looks at. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('three servers resume each other’s sessions while keys rotate, one of them and then Redis are killed and come back', async () => {
  const [fleet, others] = [await fleetOf('ktls'), await fleetOf('node:tls')];
  const { visits } = fleet.visitors;
  const [, second] = fleet.servers;
  const coming = Promise.all([fleet.visitors.come(60, 50, 500), others.visitors.come(10, 30, 500)]);
  const troubles = async (): Promise<void> => {
    await until(() => visits.offered >= 600);
    await fleet.visitors.between(async () => await second?.kill());
    await until(() => visits.offered >= 1000);
    await second?.start();
    await until(() => visits.offered >= 1400);
    await redis.stop();
    await until(() => fleet.servers.every(({ told }) => told.some(({ storeFailed }) => storeFailed)));
    await new Promise((resolve) => setTimeout(resolve, 1.5 * rotateEvery));
    redis = await startPlainRedis(identity, redis.port);
    await until(() => fleet.servers.every(({ told }) => told.some(({ recovered }) => recovered)));
  };
  await Promise.all([coming, troubles()]);

  const told = fleet.servers.map((server) => server.told);
  const figures = {
    ktls: `${visits.resumed} of ${visits.offered} resumed`,
    'node:tls': `${others.visitors.visits.resumed} of ${others.visitors.visits.offered} resumed`,
    ...{ byServer: visits.byHost, rotations: told.map((one) => one.filter(({ rotated }) => rotated).length) },
  };
  console.log(JSON.stringify(figures));
  expect(visits.offered).toBe(3000);
  expect([visits.failed, others.visitors.visits.failed]).toEqual([[], []]);
  expect(told.flat().filter(({ failed }) => failed)).toEqual([]);
  expect(visits.resumed).toBeGreaterThanOrEqual(2970);
  expect(others.visitors.visits.resumed / others.visitors.visits.offered).toBeLessThan(0.5);
  for (const host of hosts) expect(visits.byHost[host]).toBeGreaterThan(400);
  for (const rotations of figures.rotations) expect(rotations).toBeGreaterThanOrEqual(8);
});
