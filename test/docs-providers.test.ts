import fs from 'node:fs';
import path from 'node:path';
import type { PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { as, launchRoleServer, sql } from './roles/role-server.js';

const FOLDER = path.join(import.meta.dirname, '../docs/providers');
const NAMES = fs
  .readdirSync(FOLDER)
  .map((file) => path.basename(file, '.md'))
  .filter((name) => name !== 'README');
const read = (name: string): string => fs.readFileSync(path.join(FOLDER, `${name}.md`), 'utf8');
const HEADINGS = [
  'Settings',
  'Role',
  'Allow-list',
  'TLS',
  'Direct host',
  'Set up',
  'Costs',
  'What differs',
  'The way back',
  'Sources',
];
/**
 * `sql` is run as the page's administrator; `pgsql` is what only the provider's server takes from it, and run as superuser;
 * `sh` is read by `packages/cli/src/docs.test.ts`; `console` is the provider's own tools, `text` a settings file.
 */
const LANGUAGES = ['sql', 'pgsql', 'sh', 'console', 'text'];

/** What a page's administrator is: a role with what the provider gives, no superuser. */
const ADMINS: Record<string, string> = {
  neon: 'CREATEROLE REPLICATION',
  supabase: 'CREATEROLE REPLICATION',
  'aws-rds-aurora': 'CREATEROLE',
  'google-cloud-sql': 'CREATEROLE REPLICATION',
  azure: 'CREATEROLE REPLICATION',
  render: 'CREATEROLE',
  digitalocean: 'CREATEROLE REPLICATION',
  heroku: '',
  'self-managed': 'SUPERUSER',
  'docker-compose': 'SUPERUSER',
  kubernetes: '',
};

let server: PostgresServer;
beforeAll(async () => {
  server = await launchRoleServer(18);
});
afterAll(() => server?.stop());

it('there is a page for each provider, and a row in the table for each page', () => {
  expect(NAMES.sort()).toEqual(Object.keys(ADMINS).sort());
  const rows = [...read('README').matchAll(/^\| \[[^\]]+\]\(([a-z-]+)\.md\) \|(.*)\|$/gm)];
  expect(rows.map((row) => row[1]).sort()).toEqual(NAMES.sort());
  for (const [, name, cells = ''] of rows) expect(cells.split('|'), name).toHaveLength(7);
});

describe.each(NAMES)('docs/providers/%s.md', (name) => {
  const text = read(name);

  it('has the headings of every page in their order, each with something below it, and says when it was checked', () => {
    const [, ...sections] = text.split(/^## /m);
    expect(sections.map((section) => section.split('\n', 1)[0])).toEqual(HEADINGS);
    for (const section of sections) expect(section.split('\n').slice(1).join('').trim()).not.toBe('');
    const [, date = ''] = / on (\d{4}-\d{2}-\d{2})/.exec(text) ?? [];
    expect(Date.parse(date)).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(sections.at(-1)).toMatch(/^- https:\/\//m);
    for (const [, language] of text.matchAll(/^ *```(\w*)$\n/gm))
      if (language !== '') expect(LANGUAGES).toContain(language);
  });

  it('links to pages and headings that are there', () => {
    for (const [, link = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      const [file = '', heading] = link.split('#');
      const target = path.join(FOLDER, file === '' ? `${name}.md` : file);
      expect(fs.existsSync(target), link).toBe(true);
      if (heading === undefined) continue;
      const anchors = [...fs.readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
        title!
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(anchors, link).toContain(heading);
    }
  });

  it("has SQL that PostgreSQL takes from a role with the provider's rights", async () => {
    const blocks = [...text.matchAll(/^```(sql|pgsql)\n(.*?)^```/gms)];
    expect(blocks.length).toBeGreaterThan(0);
    const admin = `admin_${name.replaceAll('-', '_')}`;
    await sql(server.url(), `CREATE ROLE ${admin} LOGIN ${ADMINS[name]}`);
    // What the provider's server has, and the application's own role, which the administrator made.
    if (name === 'aws-rds-aurora')
      await sql(
        server.url(),
        'CREATE ROLE rds_replication',
        `GRANT rds_replication TO ${admin} WITH ADMIN OPTION`,
      );
    const url = server.url('app', admin);
    await sql(server.url(), `CREATE DATABASE app OWNER ${admin}`);
    if (/CREATEROLE|SUPERUSER/.test(ADMINS[name]!)) await sql(as(url, admin), 'CREATE ROLE app');
    try {
      for (const [, language, block] of blocks)
        await runEach(language === 'sql' ? url : server.url('app'), block!);
    } finally {
      await sql(
        server.url(),
        'DROP DATABASE app WITH (FORCE)',
        'DROP ROLE IF EXISTS app, colophon_consumer, colophon_admin',
      );
    }
  });
});

/** Statement by statement, as psql does: ALTER SYSTEM stands alone. */
async function runEach(url: string, block: string): Promise<void> {
  const statements = block.split(/;\s*\n/).filter((statement) => statement.trim() !== '');
  await sql(url, ...statements);
}
