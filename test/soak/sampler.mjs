import fs from 'node:fs';
import pg from 'pg';

/** Looks at source, store and consumer, from outside. */
export class Sampler {
  #source;
  #store;
  #slot;
  #pid;

  constructor({ url, storeUrl, slot, pid }) {
    this.#source = new pg.Client({ connectionString: url });
    this.#store = new pg.Client({ connectionString: storeUrl });
    this.#slot = slot;
    this.#pid = pid;
  }

  async open() {
    await this.#source.connect();
    await this.#store.connect();
  }

  async end() {
    await this.#source.end();
    await this.#store.end();
  }

  /** Changes that are stored. */
  async stored() {
    const { rows } = await this.#store.query(
      'SELECT coalesce(sum(changes), 0)::float8 AS stored FROM colophon.positions',
    );
    return rows[0].stored;
  }

  /** Resident memory of the consumer, in bytes. */
  rss() {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${this.#pid}/status`, 'utf8'))[1];
    return Number(kilobytes) * 1024;
  }

  /** Where it stands: bytes of log kept for the slot, and how old the last change is that was stored, in seconds. */
  async standing() {
    const { rows: slots } = await this.#source.query(
      `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS retained
       FROM pg_replication_slots WHERE slot_name = $1`,
      [this.#slot],
    );
    const { rows: positions } = await this.#store.query(
      'SELECT extract(epoch FROM clock_timestamp() - max(last_committed_at))::float8 AS lag FROM colophon.positions',
    );
    return { retainedBytes: slots[0].retained, lagSeconds: positions[0].lag };
  }
}
