// What of a finished run's context is still in memory? Prints {scenario: what survived}. Needs --expose-gc and DATABASE_URL.
import { EventEmitter, once } from 'node:events';
import { setImmediate as tick } from 'node:timers/promises';
import { clsCarrier, currentContext, runWithContext, setCarrier } from '@colophon/context';
import { createNamespace } from '@colophon/context/cls';
import { instrument } from '@colophon/pg';
import pg from 'pg';

const connectionString = process.env.DATABASE_URL;
const HOUR = 3_600_000;
const INSERT = 'INSERT INTO note (owner) VALUES ($1)';
/** What stays in use after the runs, as in an application. */
const kept = [];
const keep = (thing, close) => {
  kept.push(close);
  return thing;
};
const poolOf = (config) => {
  const pool = instrument(new pg.Pool({ connectionString, ...config }));
  return keep(pool, () => pool.end());
};

const SCENARIOS = {
  async 'idle connection with an idle timer'(run) {
    const pool = poolOf({ max: 1, idleTimeoutMillis: HOUR });
    await run(() => pool.query(INSERT, ['a']));
  },
  async 'idle connection without a timer'(run) {
    const pool = poolOf({ max: 1, idleTimeoutMillis: 0 });
    await run(() => pool.query(INSERT, ['a']));
  },
  async 'connection with every other timer there is'(run) {
    const pool = poolOf({
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: HOUR,
      maxLifetimeSeconds: 3600,
      query_timeout: HOUR,
      keepAlive: true,
    });
    await Promise.all([run(() => pool.query(INSERT, ['a'])), run(() => pool.query(INSERT, ['b']))]);
  },
  async 'waiters for a connection'(run) {
    const pool = poolOf({ max: 1, idleTimeoutMillis: HOUR });
    pool.on('acquire', () => {});
    pool.on('release', () => {});
    await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        run(async () => {
          const client = await pool.connect();
          await client.query('BEGIN');
          await client.query(INSERT, [`${n}`]);
          await client.query('COMMIT');
          client.release();
        }),
      ),
    );
  },
  async callbacks(run) {
    const pool = poolOf({ max: 1, idleTimeoutMillis: HOUR });
    await run(
      () =>
        new Promise((resolve) => {
          pool.connect((_, client, release) => client.query(INSERT, ['a'], () => resolve(release())));
        }),
    );
  },
  async errors(run) {
    const pool = poolOf({ max: 1, idleTimeoutMillis: HOUR });
    await run(() => pool.query('INSERT INTO missing VALUES (1)').catch(() => {}));
    await run(() => pool.query({ name: 'n', text: 'SELECT 1 / $1::int', values: [0] }).catch(() => {}));
    const nowhere = poolOf({ host: '127.0.0.1', port: 1, connectionString: undefined });
    await run(() => nowhere.query(INSERT, ['a']).catch(() => {}));
  },
  async 'a client that listens'(run) {
    const client = instrument(new pg.Client({ connectionString }));
    keep(client, () => client.end());
    await run(async () => {
      await client.connect();
      client.on('notification', () => {});
      client.on('notice', () => {});
      await client.query('LISTEN news');
      await client.query("SELECT pg_notify('news', 'a')");
    });
    const heard = once(client, 'notification');
    await client.query("SELECT pg_notify('news', 'b')");
    await heard;
  },
  async 'listeners added to an emitter'(run) {
    const emitter = keep(new EventEmitter(), () => {});
    await run(async () => {
      emitter.on('news', () => {});
      await tick();
    });
    emitter.emit('news');
  },
  async 'timers and intervals that are over'(run) {
    await run(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => {
        const interval = setInterval(() => resolve(clearInterval(interval)), 1);
      });
    });
  },
  async 'a query that a run gave and nobody awaited'(run) {
    // biome-ignore lint/suspicious/noThenProperty: as ORMs make them.
    await run(async () => void runWithContext({ inner: true }, () => ({ then() {} })));
  },
  async 'a namespace that a flow entered and did not leave'(run) {
    const namespace = keep(createNamespace('entered'), () => {});
    // As a request is: a flow of its own, begun by an event.
    const flow = () =>
      run(async () => {
        const context = namespace.createContext();
        context.holds = currentContext();
        namespace.enter(context);
        await tick();
      });
    await new Promise((resolve, reject) => setImmediate(() => flow().then(resolve, reject)));
  },
  async 'a namespace as carrier'(run) {
    setCarrier(clsCarrier(createNamespace('carrier')));
    const pool = poolOf({ max: 1, idleTimeoutMillis: HOUR });
    await run(() => pool.query(INSERT, ['a']));
  },
};

/** Runs work in a context of its own, of which only a weak reference is kept. */
async function survivors(scenario) {
  const contexts = [];
  let n = 0;
  await scenario((work) =>
    runWithContext({ user: `user ${n++}`, large: 'x'.repeat(1000) }, () => {
      contexts.push(new WeakRef(currentContext()));
      return work();
    }),
  );
  // Sockets and timers let go of what they ended some turns later.
  for (let turn = 0; turn < 20; turn++) {
    await tick();
    global.gc();
  }
  return [contexts.length, contexts.filter((context) => context.deref() !== undefined).length];
}

const result = {};
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  const [runs, survived] = await survivors(scenario);
  result[name] = { runs, survived };
}
await Promise.all(kept.map((close) => close()));
console.log(JSON.stringify(result));
