// Prints in which domain of node's an application's code runs. By `plain` node-postgres alone, or `instrumented`.
const domain = require('node:domain');
const { runWithContext } = require('@colophon/context');
const { instrument } = require('@colophon/pg');
const pg = require('pg');

const [, , connectionString, way] = process.argv;
const pool = new pg.Pool({ connectionString, max: 1 });
if (way === 'instrumented') instrument(pool);

const seen = [];
const note = (what) => seen.push(`${process.domain?.owner ?? 'no domain'}: ${what}`);
const INSERT = 'INSERT INTO t VALUES ($1)';

/** Work of an owner with a domain and a context of the same name; resolves when it calls `done`. */
function as(owner, work) {
  return new Promise((done) => {
    const own = domain.create();
    own.owner = owner;
    own.on('error', (error) => {
      seen.push(`${owner} caught ${error.message}`);
      done();
    });
    own.run(() => runWithContext({ user: owner }, () => work(done, own)));
  });
}

async function main() {
  // The one connection is opened by somebody who has nothing to do with what follows.
  await as('opener', (done) => pool.query(INSERT, ['opener'], done));
  for (const owner of ['one', 'two']) {
    await as(owner, (done) =>
      pool.query(INSERT, [owner], () => {
        note('callback of pool.query');
        done();
      }),
    );
    await as(owner, (done) =>
      pool.query(INSERT, [owner]).then(() => {
        note('after a promise of pool.query');
        done();
      }),
    );
    await as(owner, (done) =>
      pool.connect((_error, client, release) => {
        note('callback of pool.connect');
        client.query(INSERT, [owner], () => {
          note('callback of client.query');
          release();
          done();
        });
      }),
    );
    await as(owner, (done) =>
      pool.query(INSERT, [owner], () => {
        done();
        throw new Error('thrown in a callback');
      }),
    );
    await as(owner, (done, own) =>
      pool.query(
        'SELECT nonsense',
        own.intercept(() => done()),
      ),
    );
    await as(owner, async (done) => {
      await pool.query(INSERT, [owner]);
      note('after await');
      done();
    });
  }
  await pool.end();
  console.log(JSON.stringify(seen));
}
main();
