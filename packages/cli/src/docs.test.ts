import fs from 'node:fs';
import path from 'node:path';
import { ERROR_CODES, GAP_REASONS } from '@colophon/protocol';
import { CHECK_GROUP_NAMES, CHECK_GROUPS, FINDING_IDS, FINDINGS } from '@colophon/setup';
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

const ROOT = path.join(__dirname, '../../..');

/** Every page of the docs, and every README. */
function pages(): string[] {
  const readmes = ['README.md', 'examples', 'packages'].flatMap((place) => {
    const at = path.join(ROOT, place);
    if (!fs.statSync(at).isDirectory()) return [place];
    return fs.readdirSync(at).map((folder) => path.join(place, folder, 'README.md'));
  });
  const docs = fs.readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  return [...readmes, ...docs.filter((name) => name.endsWith('.md')).map((name) => path.join('docs', name))]
    .filter((name) => fs.existsSync(path.join(ROOT, name)))
    .sort();
}

/** The lines of the shell that call the command, without comments, redirections and what they are piped into. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```sh\n(.*?)^ *```/gms)].map((match) => match[1]!);
  const lines = blocks.flatMap((block) => block.replace(/\\\n/g, ' ').split('\n'));
  return lines
    .map((line) => line.trim().split(/ +(?:#|<|\|) ?/)[0]!)
    .filter((line) => /^colophon /.test(line) && !line.includes('…'));
}

it.each(pages())('%s: each command has the flags that it is given', async (name) => {
  const text = fs.readFileSync(path.join(ROOT, name), 'utf8');
  for (const line of commandLines(text)) {
    const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      (word) => word[1] ?? word[2] ?? word[3]!,
    );
    let called = 0;
    const program = createProgram(
      async () => {
        called++;
      },
      '0',
      () => {},
    );
    await expect(program.parseAsync(words.slice(1), { from: 'user' }), line).resolves.toBeDefined();
    expect(called, line).toBe(1);
  }
});

it('the pages have commands to look at', () => {
  const lines = pages().flatMap((name) => commandLines(fs.readFileSync(path.join(ROOT, name), 'utf8')));
  expect(lines.length).toBeGreaterThan(50);
});

it('docs/doctor.md has every finding as it is, and no other', () => {
  const rows = [
    ...page('doctor.md').matchAll(
      /^\| ([a-z_ ]+) \| `([a-z0-9_.-]+)` \| (warn|fail) \| (.+) \| (.{5,}) \|$/gm,
    ),
  ];
  const written = rows.map(([, check, finding, verdict, why]) => ({ check, finding, verdict, why }));
  const known = FINDING_IDS.map((finding) => {
    const { check, verdict, why } = FINDINGS[finding];
    return { check, finding, verdict, why };
  });
  const inOrder = CHECK_GROUP_NAMES.flatMap((group) =>
    known.filter(({ check }) => CHECK_GROUPS[check] === group),
  );
  expect(written).toEqual(inOrder);
});
