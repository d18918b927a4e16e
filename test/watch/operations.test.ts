import fs from 'node:fs';
import path from 'node:path';
import { ERROR_CODES } from '@colophon/protocol';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { colophon, type Running, startColophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { listenFlag, page } from './pages.js';

const text = fs.readFileSync(path.join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const blocksOf = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^ *\`\`\`${language}\n(.*?)^ *\`\`\``, 'gms'))].map((match) => match[1]!);
let source: TrackedDatabase;
let port: number;
let run: Running;
let exposition: string;

beforeAll(async () => {
  source = await trackDatabase(inject('serverUrl'), 'CREATE TABLE todo (id int PRIMARY KEY)', {
    tables: 'todo',
  });
  const listen = await listenFlag();
  port = listen.port;
  run = startColophon(['run', ...source.args, ...listen.flag]);
  await run.said('Reading');
  exposition = (await page(port, '/metrics')).text;
  run.child.kill('SIGTERM');
  await run.finished;
});
afterAll(() => source.drop());

it('has a row for every metric that is exposed, of its type, and no other', () => {
  const exposed = [...exposition.matchAll(/^# TYPE (colophon_\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const rows = [...text.matchAll(/^\| (`colophon_.+?) \| (counter|gauge|histogram) \|/gm)].flatMap(
    ([, names, type]) => [...names!.matchAll(/`(colophon_[a-z_]+)`/g)].map(([, name]) => `${name} ${type}`),
  );
  expect(rows.sort()).toEqual(exposed.sort());
  expect(rows.length).toBeGreaterThan(20);
  for (const [, name] of exposition.matchAll(/^# TYPE (\S+)/gm))
    expect(name).toMatch(/^(colophon|process|nodejs)_/);
});

it('alerts on metrics that are there, by labels that they have', () => {
  const [rules = ''] = blocksOf('yaml');
  const known = new Set([...exposition.matchAll(/^# TYPE (colophon_\S+)/gm)].map(([, name]) => name));
  const { groups } = parse(rules) as { groups: { rules: { alert: string; expr: string }[] }[] };
  const alerts = groups.flatMap((group) => group.rules);
  expect(alerts.length).toBeGreaterThan(5);
  for (const { expr } of alerts) {
    const names = [...expr.matchAll(/colophon_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ''));
    expect(names.length, expr).toBeGreaterThan(0);
    for (const name of names) expect(known.has(name), name).toBe(true);
  }
  expect(exposition).toContain('colophon_state{state="streaming"} 1');
});

it('has every code', () => {
  const [, byCode = ''] = text.split(/^## By code$/m);
  const named = new Set(
    [...byCode.matchAll(/`([A-Z][A-Z_]+)`|^#### ([A-Z_]+)$/gm)].map((match) => match[1] ?? match[2]),
  );
  expect(ERROR_CODES.filter((code) => !named.has(code))).toEqual([]);
});

it('names every state, and every field of the log', () => {
  for (const [, state] of exposition.matchAll(/^colophon_state\{state="(\w+)"\}/gm))
    expect(text).toContain(`\`${state}\``);
  const facts = fs.readFileSync(
    path.join(import.meta.dirname, '../../packages/cli/src/log/log-facts.ts'),
    'utf8',
  );
  const fields = [...facts.matchAll(/^ {2}(\w+): '(?:string|number)',$/gm)].map(([, field]) => field);
  expect(fields.length).toBeGreaterThan(10);
  const [, logs = ''] = text.split(/^### Logs$/m);
  for (const field of fields) expect(logs).toContain(`\`${field}\``);
});

it('links to headings and pages that are there', () => {
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  const anchorsOf = (page: string) =>
    new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!)));
  const docs = path.join(import.meta.dirname, '../../docs');
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
  for (const link of links) {
    const [file, heading] = link.split('#');
    const page = file === '' ? text : fs.readFileSync(path.join(docs, file!), 'utf8');
    if (heading !== undefined) expect(anchorsOf(page).has(heading), link).toBe(true);
  }
  expect(links.length).toBeGreaterThan(15);
});

it('has SQL that PostgreSQL takes', async () => {
  const blocks = blocksOf('sql');
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  for (const block of blocks) await source.client.query(block);
  const { rows } = await source.client.query(blocks[0]!);
  expect(rows.find(({ slot_name }) => slot_name === source.slot)).toMatchObject({ active: false });
});

it('has commands that run as they stand', async () => {
  const env = {
    COLOPHON_SOURCE_URL: source.url,
    COLOPHON_STORE_URL: source.storeUrl,
    COLOPHON_SLOT: source.slot,
    COLOPHON_LISTEN: `127.0.0.1:${port}`,
  };
  const lines = blocksOf('sh').flatMap((block) =>
    block.split('\n').map((line) => line.split(' #')[0]!.trim()),
  );
  const commands = lines.filter((line) => line.startsWith('colophon '));
  expect(commands.length).toBeGreaterThanOrEqual(3);
  for (const command of commands) {
    const ended = await colophon(command.split(' ').slice(1), { env });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  }
  // The unit's own flags; only the port is ours.
  const [exec = ''] = text.match(/(?<=^ExecStart=\/usr\/bin\/colophon ).+$/m) ?? [];
  const served = startColophon(exec.replace(/:\d+/, `:${port}`).split(' '), { env });
  await served.said('"Reading');
  const urls = lines.flatMap((line) => /^curl -fsS http:\/\/127\.0\.0\.1:9187(\S+)$/.exec(line)?.[1] ?? []);
  expect(urls).toEqual(['/healthz', '/readyz', '/metrics']);
  for (const url of urls) expect((await page(port, url)).status).toBe(200);
  served.child.kill('SIGTERM');
  expect(await served.finished).toMatchObject({ code: 0 });
});

it('has settings for a container that are settings', () => {
  const known = new Set(
    [
      ...fs
        .readFileSync(path.join(import.meta.dirname, '../../docs/commands.md'), 'utf8')
        .matchAll(/COLOPHON_[A-Z_]+/g),
    ].map(([name]) => name),
  );
  for (const [name] of text.matchAll(/COLOPHON_[A-Z_]+/g)) expect(known.has(name), name).toBe(true);
  const probes = parse(blocksOf('yaml')[1] ?? '');
  expect(probes.livenessProbe.httpGet.path).toBe('/healthz');
  expect(probes.readinessProbe.httpGet.path).toBe('/readyz');
});
