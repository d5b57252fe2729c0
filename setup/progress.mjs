// Carries out steps in order, each after the steps it needs, and says so line by line.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from './paths.mjs';
import { SetupError } from './setup-error.mjs';
import * as stamp from './stamp.mjs';

export async function carryOut(steps) {
  const release = await lock();
  const start = performance.now();
  let made = 0;
  try {
    for (const step of inOrder(steps)) made += (await carryOutOne(step, start)) ? 1 : 0;
  } finally {
    release();
  }
  if (made === 0) say(start, 'everything is up to date');
}

async function carryOutOne(step, start) {
  if (step.isCurrent ? step.isCurrent() : stamp.isCurrent(step)) return false;
  say(start, `${step.title} …`);
  const stepStart = performance.now();
  const fingerprint = step.isCurrent ? undefined : stamp.fingerprint(step);
  if (!step.isCurrent) stamp.invalidate(step);
  await step.run((line) => say(start, `  ${line}`));
  if (!step.isCurrent) stamp.write(step, fingerprint);
  say(start, `${step.title}: done in ${seconds(performance.now() - stepStart)}`);
  return true;
}

function inOrder(steps, order = new Set()) {
  for (const step of steps) {
    inOrder(step.needs ?? [], order);
    order.add(step);
  }
  return order;
}

// One setup at a time in a working tree; a lock whose process is gone counts as none.
async function lock() {
  const path = build('setup.pid');
  mkdirSync(build(), { recursive: true });
  for (let said = false; ; ) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = holderOf(path);
    if (holder === undefined) {
      rmSync(path, { force: true });
      continue;
    }
    if (!said) console.log(`waiting for another setup in this folder (process ${holder})`);
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === 'EPERM' ? 'of another user' : undefined;
  }
}

function say(start, text) {
  console.log(`[${seconds(performance.now() - start).padStart(7)}] ${text}`);
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function explain(error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\n${error.message}\n${error.advice}`);
  process.exitCode = 1;
}
