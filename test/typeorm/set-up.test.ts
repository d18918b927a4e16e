import { execFileSync } from 'node:child_process';
import { runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import otherPg from 'pg-other-copy';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from '../pg/decoded.js';
import { VERSIONS } from './versions.js';

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'set_up');
  await slot.client.query('CREATE TABLE note (text text)');
});
afterAll(async () => {
  await slot.close();
  await dropDatabase(url);
});

const contexts = async () => (await slot.rows()).map(({ context }) => context);
const USER = '{"user":1}';
const asUser = <T>(work: () => T): T => runWithContext({ user: 1 }, work);

describe.each(VERSIONS)('%s', (version, typeorm) => {
  const opened: DataSource[] = [];
  const prepare = (options: object = {}) => {
    const given = { type: 'postgres', url, poolSize: 2, subscribers: [ColophonSubscriber], ...options };
    const dataSource = new typeorm.DataSource(given as DataSourceOptions);
    opened.push(dataSource);
    return dataSource;
  };
  const write = (dataSource: DataSource) =>
    asUser(() => dataSource.query('INSERT INTO note VALUES ($1)', ['x']));

  afterEach(async () => {
    for (const dataSource of opened.splice(0)) if (dataSource.isInitialized) await dataSource.destroy();
    await slot.rows();
  });

  it('several data sources; one without the subscriber stays as it is', async () => {
    const [first, without, second] = [prepare(), prepare({ subscribers: [] }), prepare()];
    for (const dataSource of [first, without, second]) await dataSource.initialize();
    for (const dataSource of [first, without, second]) await write(dataSource);
    expect(await contexts()).toEqual([USER, '{}', USER]);
  });

  it('destroyed and initialized again, with new pools', async () => {
    const dataSource = prepare();
    for (let n = 0; n < 3; n++) {
      await dataSource.initialize();
      await write(dataSource);
      await dataSource.destroy();
    }
    expect(await contexts()).toEqual([USER, USER, USER]);
  });

  it('the first use is a stream, a raw client, or the pool itself', async () => {
    const uses: ((dataSource: DataSource) => Promise<unknown>)[] = [
      async (dataSource) => {
        const runner = dataSource.createQueryRunner();
        const stream = await runner.stream("INSERT INTO note VALUES ('x') RETURNING text");
        for await (const _row of stream);
        await runner.release();
      },
      async (dataSource) => {
        const runner = dataSource.createQueryRunner();
        await (await runner.connect()).query("INSERT INTO note VALUES ('x')");
        await runner.release();
      },
      (dataSource) =>
        (dataSource.driver as unknown as { master: { query(sql: string): Promise<unknown> } }).master.query(
          "INSERT INTO note VALUES ('x')",
        ),
    ];
    for (const use of uses) {
      const dataSource = await prepare().initialize();
      await asUser(() => use(dataSource));
    }
    expect(await contexts()).toEqual([USER, USER, USER]);
  });

  it('migrations, at start and later, in the context of who runs them', async () => {
    class First1700000000000 {
      up = (runner: { query(sql: string): Promise<unknown> }) =>
        runner.query("INSERT INTO note VALUES ('migrated')");
      down = async () => undefined;
    }
    const migrations = [First1700000000000];
    const options = { migrations, migrationsTableName: `migrations_${version.replace(/\W/g, '_')}` };
    await runWithContext({ deploy: 7 }, () => prepare({ ...options, migrationsRun: true }).initialize());
    const seen = await contexts();
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(new Set(seen)).toEqual(new Set(['{"deploy":7}']));
    const later = await prepare(options).initialize();
    await runWithContext({ undo: 7 }, () => later.undoLastMigration());
    await runWithContext({ deploy: 8 }, () => later.runMigrations());
    expect(new Set(await contexts())).toEqual(new Set(['{"undo":7}', '{"deploy":8}']));
  });

  it('another copy of pg, given as driver', async () => {
    const dataSource = await prepare({ driver: otherPg }).initialize();
    await write(dataSource);
    expect(await contexts()).toEqual([USER]);
  });

  it('subscribers given by name, by subclass, and added later by hand', async () => {
    class Mine extends ColophonSubscriber {}
    typeorm.EventSubscriber()(Mine);
    await write(await prepare({ subscribers: { ColophonSubscriber } }).initialize());
    await write(await prepare({ subscribers: [Mine] }).initialize());
    const late = await prepare({ subscribers: [] }).initialize();
    late.subscribers.push(new ColophonSubscriber());
    await write(late);
    expect(await contexts()).toEqual([USER, USER, USER]);
  });

  it('a data source of another kind is refused at start, in one line', async () => {
    const dataSource = prepare({ type: 'sqljs' });
    const refused = expect.objectContaining({
      name: 'ColophonError',
      code: 'UNSUPPORTED_CLIENT',
      message:
        "ColophonSubscriber was given a data source of type sqljs, wanted postgres: leave it out of that data source's subscribers.",
    });
    await expect(dataSource.initialize()).rejects.toEqual(refused);
    expect(dataSource.isInitialized).toBe(false);
    const late = await prepare({ type: 'sqljs', subscribers: [] }).initialize();
    late.subscribers.push(new ColophonSubscriber());
    await expect(late.query('SELECT 1')).rejects.toEqual(refused);
  });

  it('connections of pg-native are refused at start, in one line', async () => {
    // Its own module is built from C: what tells its clients from others is put on real ones.
    class NativeLike extends otherPg.Client {
      namedQueries = {};
    }
    Object.assign(NativeLike.prototype, { namedQueries: {} });
    class NativePool extends otherPg.Pool {
      constructor(options: object) {
        super({ ...options, Client: NativeLike } as object);
      }
    }
    const driver = { ...otherPg, Pool: NativePool };
    const dataSource = prepare({ driver });
    const error = (await dataSource.initialize().catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ name: 'ColophonError', code: 'UNSUPPORTED_CLIENT' });
    expect(error.message).toMatch(/pg-native.*[^\n]$/);
    expect(dataSource.isInitialized).toBe(false);
  });
});

describe('loaded in either order, by either module system, beside another version', () => {
  const node = (source: string, ...flags: string[]) =>
    execFileSync(process.execPath, [...flags, '-e', source], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      env: { ...process.env, DATABASE_URL: url },
    });
  const PROGRAM = `
    (async () => {
      for (const typeorm of [first, second]) {
        const dataSource = new typeorm.DataSource({ type: 'postgres', url: process.env.DATABASE_URL, subscribers: [ColophonSubscriber] });
        await dataSource.initialize();
        await runWithContext({ user: 1 }, () => dataSource.query("INSERT INTO note VALUES ('x')"));
        await dataSource.destroy();
      }
      console.log('done');
    })();`;
  const required = (...names: string[]) =>
    names
      .map((name) =>
        name.startsWith('@')
          ? `const { ColophonSubscriber } = require('${name}');`
          : `const ${name === 'typeorm' ? 'first' : 'second'} = require('${name}');`,
      )
      .join('\n');
  const RUNTIME = "const { runWithContext } = require('@colophon/context');";

  it.each([
    ['this package first', ['@colophon/typeorm', 'typeorm', 'typeorm-0.3']],
    ['TypeORM first', ['typeorm-0.3', 'typeorm', '@colophon/typeorm']],
    ['between', ['typeorm', '@colophon/typeorm', 'typeorm-0.3']],
  ])('%s', async (_, names) => {
    expect(node(`${RUNTIME}${required(...names)}${PROGRAM}`)).toBe('done\n');
    expect(await contexts()).toEqual([USER, USER]);
  });

  it('as ESM', async () => {
    const source = `
      import { runWithContext } from '@colophon/context';
      import { ColophonSubscriber } from '@colophon/typeorm';
      import * as first from 'typeorm';
      import * as second from 'typeorm-0.3';
      ${PROGRAM}`;
    expect(node(source, '--input-type=module')).toBe('done\n');
    expect(await contexts()).toEqual([USER, USER]);
  });

  it('after the list of subscribers was put in place anew', async () => {
    const reset = 'globalThis.typeormMetadataArgsStorage = undefined;';
    expect(
      node(`${RUNTIME}${required('typeorm', '@colophon/typeorm', 'typeorm-0.3')}${reset}${PROGRAM}`),
    ).toBe('done\n');
    expect(await contexts()).toEqual([USER, USER]);
  });
});
