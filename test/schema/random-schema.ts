import type { Random } from '@colophon/testkit';
import pg from 'pg';

interface Table {
  readonly name: string;
  readonly plain: string;
  readonly schema: string;
  readonly columns: readonly { name: string; type: string; isKey: boolean }[];
}

const TYPES = ['int', 'bigint', 'text', 'numeric(12,3)', 'boolean', 'jsonb', 'timestamptz', 'int[]'];
const LOCKED = '55P03';

/** Random rows and random DDL, in transactions of one session while another's are open. */
export class RandomSchema {
  readonly done: Record<string, number> = {};
  private counter = 100;

  constructor(
    private readonly random: Random,
    private readonly client: pg.Client,
    private readonly second: pg.Client,
    private readonly watch: (table: string) => string,
  ) {}

  async run(transactions: number): Promise<void> {
    await this.client.query("SET lock_timeout = '50ms'");
    await this.second.query("SET lock_timeout = '50ms'");
    let isSecondOpen = false;
    for (let n = 0; n < transactions; n++) {
      // The other session's transaction stays open over several of ours, and commits among them.
      if (!isSecondOpen && this.random.chance(0.4)) {
        await this.second.query('BEGIN');
        isSecondOpen = true;
      }
      if (isSecondOpen) await this.attempt(this.second, (client) => this.write(client));
      await this.transaction();
      if (isSecondOpen && this.random.chance(0.5)) {
        await this.attempt(this.second, (client) => this.write(client));
        await this.second.query(this.random.chance(0.8) ? 'COMMIT' : 'ROLLBACK');
        isSecondOpen = false;
      }
    }
    if (isSecondOpen) await this.second.query('COMMIT');
  }

  private async transaction(): Promise<void> {
    const { client, random } = this;
    await client.query('BEGIN');
    for (let n = random.integer(1, 5); n > 0; n--) {
      const isKept = random.chance(0.85);
      await this.attempt(client, async () => {
        await this.write(client);
        if (random.chance(0.6)) await this.alter(client);
        await this.write(client);
        // To the savepoint, and what comes after it stands again on what was before.
        if (!isKept) throw new RolledBack();
      });
    }
    await client.query(random.chance(0.9) ? 'COMMIT' : 'ROLLBACK');
  }

  /** In a savepoint, so that what the server refuses (a lock, a cast) costs nothing else. */
  private async attempt(client: pg.Client, work: (client: pg.Client) => Promise<void>): Promise<void> {
    await client.query('SAVEPOINT s');
    try {
      await work(client);
      await client.query('RELEASE s');
    } catch (error) {
      if (!(error instanceof pg.DatabaseError || error instanceof RolledBack)) throw error;
      const isExpected =
        error instanceof RolledBack || error.code === LOCKED || /^(22|23|2B|42|0A|55)/.test(error.code ?? '');
      if (!isExpected) throw error;
      this.count(error instanceof RolledBack ? 'rolled back' : `refused ${error.code}`);
      await client.query('ROLLBACK TO s; RELEASE s');
    }
  }

  private count(what: string): void {
    this.done[what] = (this.done[what] ?? 0) + 1;
  }

  private async tables(client: pg.Client): Promise<Table[]> {
    const { rows } = await client.query(`
      SELECT c.oid::regclass::text AS name, c.relname AS plain, n.nspname AS schema,
        (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'isKey',
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)))
          ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname IN ('public', 'other') ORDER BY c.oid`);
    // One without columns has no rows to look at.
    return rows.filter(({ columns }) => columns !== null);
  }

  private async write(client: pg.Client): Promise<void> {
    const { random } = this;
    const table = random.pick(await this.tables(client));
    const some = `WHERE ctid IN (SELECT ctid FROM ${table.name} ORDER BY random() LIMIT ${random.integer(1, 3)})`;
    const kind = random.pick(['insert', 'insert', 'insert', 'update', 'update', 'delete']);
    this.count(kind);
    if (kind === 'delete') await client.query(`DELETE FROM ${table.name} ${some}`);
    else if (kind === 'update') {
      const column = random.pick(table.columns);
      await client.query(
        `UPDATE ${table.name} SET ${quote(column.name)} = ${this.value(column.type, column.isKey)} ${some}`,
      );
    } else {
      const columns = table.columns.filter(({ isKey }) => isKey || random.chance(0.7));
      if (columns.length === 0) return void (await client.query(`INSERT INTO ${table.name} DEFAULT VALUES`));
      const row = () => `(${columns.map(({ type, isKey }) => this.value(type, isKey)).join(', ')})`;
      const rows = Array.from({ length: random.integer(1, 3) }, row);
      await client.query(
        `INSERT INTO ${table.name} (${columns.map(({ name }) => quote(name)).join(', ')}) VALUES ${rows.join(', ')}`,
      );
    }
  }

  private value(type: string, isKey: boolean): string {
    const n = isKey ? ++this.counter : this.random.integer(0, 99);
    if (!isKey && this.random.chance(0.1)) return 'NULL';
    if (type === 'boolean') return String(n % 2 === 0);
    if (type === 'jsonb') return `'{"n": [${n}, "${this.random.text(3).replace(/[^a-z]/g, '')}"]}'`;
    if (type === 'timestamp with time zone')
      return `'2026-01-01 00:00Z'::timestamptz + ${n} * interval '1 second 1 microsecond'`;
    if (type === 'integer[]') return `'{${n},null}'`;
    if (type === 'text')
      return `'${isKey ? n : this.random.text(20).replaceAll("'", "''").replaceAll('\\', '')}'`;
    return String(n);
  }

  private async alter(client: pg.Client): Promise<void> {
    const { random } = this;
    const tables = await this.tables(client);
    const table = random.pick(tables);
    const column = random.pick(table.columns);
    const fresh = `${random.pick(['c', 'Ä b'])}${++this.counter}`;
    const alter = `ALTER TABLE ${table.name}`;
    const choices: Record<string, () => string> = {
      'add column': () => `${alter} ADD COLUMN ${quote(fresh)} ${random.pick(TYPES)}`,
      'add column with default': () =>
        `${alter} ADD COLUMN ${quote(fresh)} int DEFAULT ${random.integer(0, 9)}`,
      'add column, rewritten': () => `${alter} ADD COLUMN ${quote(fresh)} double precision DEFAULT random()`,
      'drop column': () => `${alter} DROP COLUMN ${quote(column.name)}`,
      'rename column': () => `${alter} RENAME COLUMN ${quote(column.name)} TO ${quote(fresh)}`,
      retype: () => {
        const type = random.pick(TYPES);
        return `${alter} ALTER COLUMN ${quote(column.name)} TYPE ${type} USING ${quote(column.name)}::text::${type}`;
      },
      'rename table': () => `${alter} RENAME TO ${quote(fresh)}`,
      'set schema': () => `${alter} SET SCHEMA ${table.schema === 'public' ? 'other' : 'public'}`,
      'other key': () =>
        `${alter} DROP CONSTRAINT IF EXISTS ${quote(`${table.plain}_pkey`)}; ${alter} ADD PRIMARY KEY (${quote(column.name)})`,
      'swap names': () => {
        const other = random.pick(table.columns.filter(({ name }) => name !== column.name));
        const [a, b] = [quote(column.name), quote(other.name)];
        return `${alter} RENAME COLUMN ${a} TO swapped; ${alter} RENAME COLUMN ${b} TO ${a}; ${alter} RENAME COLUMN swapped TO ${b}`;
      },
      'create table': () =>
        tables.length >= 6
          ? 'SELECT 1'
          : `CREATE TABLE ${quote(fresh)} (id int PRIMARY KEY, v text); ${this.watch(quote(fresh))}`,
      'drop and create again': () =>
        `DROP TABLE ${table.name}; CREATE TABLE ${table.name} (id int PRIMARY KEY, again text); ${this.watch(table.name)}`,
      truncate: () => `DELETE FROM ${table.name}`,
    };
    const name = random.pick(
      Object.keys(choices).filter((key) => key !== 'swap names' || table.columns.length > 1),
    );
    await client.query(choices[name]!());
    this.count(name);
  }
}

class RolledBack extends Error {}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
