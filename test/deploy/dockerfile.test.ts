import fs from 'node:fs';
import path from 'node:path';
import { validate } from 'dockerfile-utils';
import { expect, it } from 'vitest';
import { CONTAINER, dockerfileText, readDockerfile } from './dockerfile.js';

const manifest = JSON.parse(
  fs.readFileSync(path.join(import.meta.dirname, '../../packages/cli/package.json'), 'utf8'),
) as { version: string; engines: { node: string } };
const { globals, stages } = readDockerfile();
const last = stages.at(-1)!;
const only = (keyword: string) => {
  const found = last.steps.filter((step) => step.keyword === keyword);
  expect(found, keyword).toHaveLength(1);
  return found[0]!;
};

it('is a Dockerfile without a fault', () => {
  expect(validate(dockerfileText())).toEqual([]);
});

it("installs the version of this checkout, on a Node that the package's engines allow", () => {
  const version = stages[0]!.steps.find(({ keyword }) => keyword === 'ARG')!;
  expect(version.text).toBe(`COLOPHON_VERSION=${manifest.version}`);
  const node = /^NODE_VERSION=(\d+)$/.exec(globals[0]!.text)![1];
  expect(Number(node)).toBeGreaterThanOrEqual(20);
  expect(manifest.engines.node).toBe('>=20.19');
  for (const { base } of stages) expect(base).toBe(`node:\${NODE_VERSION}-bookworm-slim`);
});

it('runs as a user by number who is not root, after everything was copied', () => {
  const user = only('USER');
  expect(user.text).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  const order = last.steps.map(({ keyword }) => keyword);
  expect(order.lastIndexOf('COPY')).toBeLessThan(order.indexOf('USER'));
  expect(order.lastIndexOf('RUN')).toBeLessThan(order.indexOf('USER'));
});

it('starts without a shell, so that signals reach the command', () => {
  for (const keyword of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) expect(only(keyword).text).toMatch(/\[".*"\]$/);
});

it('has no secret in it, and copies nothing but what is in its folder', () => {
  for (const { sets } of last.steps) {
    for (const name of Object.keys(sets)) expect(name).not.toMatch(/URL|PASSWORD|SECRET|TOKEN/);
  }
  const copied = last.steps.filter(({ keyword, from }) => keyword === 'COPY' && from === null);
  const names = copied.flatMap(({ words }) => words.slice(0, -1)).sort();
  expect(names).toEqual(
    fs
      .readdirSync(CONTAINER)
      .filter((name) => name !== 'Dockerfile')
      .sort(),
  );
});
