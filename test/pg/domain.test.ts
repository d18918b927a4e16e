import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

const run = promisify(execFile);
const APPLICATION = path.join(import.meta.dirname, 'domain-application.cjs');

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'domains');
  await slot.client.query('CREATE TABLE t (owner text)');
  await slot.rows();
});
afterAll(async () => {
  await slot.close();
  await dropDatabase(url);
});

const seen = async (way: 'plain' | 'instrumented') => {
  const { stdout, stderr } = await run(process.execPath, ['--no-deprecation', APPLICATION, url, way]);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as string[];
};

it("node's domains are as without: who catches what a callback throws, and where the code after a query runs", async () => {
  const plain = await seen('plain');
  await slot.rows();
  const instrumented = await seen('instrumented');
  expect(instrumented).toEqual(plain);
  expect(plain).toContain('one caught thrown in a callback');
  const named = (await slot.rows()).map(({ text, context }) => [
    /'(.*)'/.exec(text)?.[1],
    JSON.parse(context).user,
  ]);
  const owners = ['opener', ...Array(5).fill('one'), ...Array(5).fill('two')];
  expect(named).toEqual(owners.map((owner) => [owner, owner]));
});
