import fs from 'node:fs';
import { ERROR_CODES, GAP_REASONS } from '@colophon/protocol';
import { grantStatement, STORE_RIGHTS } from '@colophon/store';
import { expect, it } from 'vitest';
import { createProgram } from './program.js';

const page = (name: string) =>
  fs.readFileSync(new URL(`../../../docs/${name}`, `file://${__filename}`), 'utf8');

it('docs/errors.md has a row for every code, and no other', () => {
  const rows = [...page('errors.md').matchAll(/^\| `([A-Z_]+)` \| (.+) \| (.+) \|$/gm)];
  expect(rows.map((row) => row[1])).toEqual([...new Set(rows.map((row) => row[1]))]);
  expect(rows.map((row) => row[1]).sort()).toEqual([...ERROR_CODES].sort());
  for (const [, , meaning, remedy] of rows) expect(`${meaning}${remedy}`.length).toBeGreaterThan(20);
});

it('docs/contracts.md explains every reason of a gap, and no other', () => {
  const [, table = ''] = page('contracts.md').split(/^\| reason .*\n/m);
  const rows = [...table.split('\n\n')[0]!.matchAll(/^\| `([a-z-]+)` +\| .{30,} \|$/gm)];
  expect(rows.map((row) => row[1])).toEqual([...GAP_REASONS]);
});

it('docs/commands.md has every flag of every command, and no other', () => {
  const program = createProgram(
    async () => {},
    '0',
    () => {},
  );
  const flags = program.commands.flatMap((command) => command.options.map((option) => option.long));
  const text = page('commands.md');
  const written = [...text.matchAll(/--[a-z][a-z-]*/g)].map(([flag]) => flag);
  expect([...new Set(written)].sort()).toEqual([...new Set([...flags, '--help'])].sort());
  for (const command of program.commands) {
    expect(text).toMatch(new RegExp(`^## ${command.name()}$`, 'm'));
    const [section = ''] = text.split(`\n## ${command.name()}\n`).slice(1);
    const own = section.split('\n## ')[0] ?? '';
    const common = text.split('\n## init\n')[0] ?? '';
    if (command.name() === 'tail') continue;
    for (const option of command.options) expect(common + own).toContain(option.long);
  }
});

it("docs/security.md has the consumer's rights as they are", () => {
  const [, listed = ''] =
    /<!-- rights of the consumer -->\n```sql\n([^`]*)```/.exec(page('security.md')) ?? [];
  const granted = STORE_RIGHTS.consumer.map((right) => `${grantStatement(right, 'colophon_consumer')};\n`);
  expect(listed).toBe(granted.join(''));
});

it('names every variable that is read', () => {
  const source = fs
    .readdirSync(new URL('.', `file://${__filename}`))
    .filter((name) => /^[a-z-]+\.ts$/.test(name));
  const text = source.map((name) => fs.readFileSync(new URL(name, `file://${__filename}`), 'utf8')).join('');
  const read = new Set([...text.matchAll(/COLOPHON_[A-Z_]*[A-Z]/g)].map(([name]) => name));
  const written = new Set([...page('commands.md').matchAll(/COLOPHON_[A-Z_]*[A-Z]/g)].map(([name]) => name));
  expect([...written].sort()).toEqual([...read].sort());
});
