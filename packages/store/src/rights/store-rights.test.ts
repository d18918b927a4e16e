import { expect, it } from 'vitest';
import { MIGRATIONS } from '../migrate/migrations.generated.js';
import { OWNER_ONLY, PURE_FUNCTIONS, STORE_RIGHTS } from './store-rights.js';

const MADE =
  /\bCREATE (?:OR REPLACE )?(?:UNLOGGED )?(?:TABLE|VIEW|SEQUENCE|FUNCTION|PROCEDURE) colophon\.(\w+)/g;

const made = new Set(MIGRATIONS.flatMap(({ sql }) => [...sql.matchAll(MADE)].map(([, name]) => name!)));
const granted = Object.values(STORE_RIGHTS)
  .flat()
  .filter(({ on }) => on !== 'SCHEMA')
  .map(({ name }) => name);

it('knows whose every relation and function is that a migration makes: one kind of role has a right to it, or the owner alone', () => {
  expect(made.size).toBeGreaterThan(30);
  // migrateStore makes this one.
  const known = new Set([...granted, ...OWNER_ONLY].filter((name) => name !== 'migrations'));
  expect([...known].sort()).toEqual([...made].sort());
});

it("gives to nobody what is the owner's alone, and says nothing twice", () => {
  expect(OWNER_ONLY.filter((name) => granted.includes(name))).toEqual([]);
  for (const rights of Object.values(STORE_RIGHTS)) {
    const texts = rights.map((right) => JSON.stringify(right));
    expect(new Set(texts).size).toBe(texts.length);
  }
});

it("leaves functions their caller's rights only where they look at nothing", () => {
  const bodies = MIGRATIONS.map(({ sql }) => sql).join('\n');
  for (const name of PURE_FUNCTIONS) {
    const [, rest = ''] = bodies.split(`CREATE FUNCTION colophon.${name}(`);
    const body = rest.slice(0, rest.search(/\n(?:END;|.*\$\$;)/));
    expect(body).not.toBe('');
    expect(body).not.toMatch(/\b(?:FROM|UPDATE|INTO|colophon)\b/);
  }
});
