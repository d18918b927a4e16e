import pg from 'pg';

const WORKERS = 2;
const ROWS_A_WORKER = 5_000;
/** A worker's transactions in one call: long enough to cost little, short enough to keep the pace. */
const TRANSACTIONS_A_CALL = 40;
const PACE_MS = 5;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Rows whose every write raises their version by one: what was stored can be checked by itself. A call makes short
 * transactions of 1 to 8 updates, inserts and deletes of 3, now and then an update of 50 after a savepoint that was rolled back; each with its context. It counts its changes.
 */
export const SCHEMA = `
CREATE TABLE soak_row (id bigint PRIMARY KEY, version int, title text, done boolean, points numeric, at timestamptz);
INSERT INTO soak_row SELECT i, 0, repeat('t', 40), false, 1.5, now() FROM generate_series(1, ${WORKERS * ROWS_A_WORKER}) i;
-- A worker's own rows, made and deleted in the order of their numbers, come after "base".
CREATE PROCEDURE soak(worker int, transactions int, INOUT made bigint, INOUT gone bigint, INOUT changes bigint DEFAULT 0)
LANGUAGE plpgsql AS $$
DECLARE
  kept bigint := (worker - 1) * ${ROWS_A_WORKER};
  base bigint := worker * 1000000000000;
  first bigint;
  n bigint;
BEGIN
  FOR i IN 1 .. transactions LOOP
    PERFORM pg_logical_emit_message(true, 'colophon', format('{"user":%s,"endpoint":"PUT /row/:id","requestId":"%s"}', i % 100, gen_random_uuid()));
    first := kept + 1 + (random() * ${ROWS_A_WORKER - 60})::int;
    IF i % 20 = 7 THEN
      BEGIN
        UPDATE soak_row SET version = version + 1 WHERE id BETWEEN first AND first + 9;
        RAISE EXCEPTION 'undone';
      EXCEPTION WHEN raise_exception THEN NULL;
      END;
      UPDATE soak_row SET version = version + 1, done = NOT done WHERE id BETWEEN first AND first + 49;
    ELSIF i % 5 = 3 AND made - gone >= 3 THEN
      DELETE FROM soak_row WHERE id BETWEEN base + gone + 1 AND base + gone + 3;
      gone := gone + 3;
    ELSIF i % 5 IN (0, 3) THEN
      INSERT INTO soak_row SELECT base + made + k, 1, md5(k::text), false, i, clock_timestamp() FROM generate_series(1, 3) k;
      made := made + 3;
    ELSE
      UPDATE soak_row SET version = version + 1, title = md5(random()::text), points = points + 0.1, at = clock_timestamp()
        WHERE id BETWEEN first AND first + i % 8;
    END IF;
    GET DIAGNOSTICS n = ROW_COUNT;
    changes := changes + n;
    COMMIT;
  END LOOP;
END $$`;

/** Writes from several connections; `mayWrite(written)`, which may be replaced, says whether there is more to do just now. */
export class Writers {
  written = 0;
  #calls = 0;
  #isStopping = false;
  #working;

  constructor(url, mayWrite) {
    this.mayWrite = mayWrite;
    this.#working = Promise.all(Array.from({ length: WORKERS }, (_, at) => this.#work(url, at + 1)));
    // Told by stop.
    this.#working.catch(() => {});
  }

  async #work(url, worker) {
    const client = new pg.Client({ connectionString: url, options: '-c synchronous_commit=off' });
    await client.connect();
    let [made, gone] = [0, 0];
    try {
      while (!this.#isStopping) {
        if (!this.mayWrite(this.written)) {
          await pause(PACE_MS);
          continue;
        }
        this.#calls++;
        const { rows } = await client.query(`CALL soak(${worker}, ${TRANSACTIONS_A_CALL}, ${made}, ${gone})`);
        ({ made, gone } = rows[0]);
        this.#calls--;
        this.written += Number(rows[0].changes);
      }
    } finally {
      await client.end();
    }
  }

  /** Resolves when none of them is writing, once `mayWrite` says no. */
  async idle() {
    while (this.#calls > 0) await pause(PACE_MS);
  }

  /** Ends them; throws what one of them failed with. Gives the number of changes written. */
  async stop() {
    this.#isStopping = true;
    await this.#working;
    return this.written;
  }
}
