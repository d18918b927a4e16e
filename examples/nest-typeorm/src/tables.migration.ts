import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the entities. */
export class Tables1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE account (
        id SERIAL PRIMARY KEY,
        name text NOT NULL UNIQUE,
        points integer NOT NULL DEFAULT 0,
        seen_at timestamptz
      )`);
    await runner.query(`
      CREATE TABLE credential (
        id SERIAL PRIMARY KEY,
        password_hash text NOT NULL,
        account_id integer NOT NULL UNIQUE REFERENCES account (id) ON DELETE CASCADE
      )`);
    await runner.query(`
      CREATE TABLE project (
        id SERIAL PRIMARY KEY,
        name text NOT NULL,
        owner_id integer NOT NULL REFERENCES account (id)
      )`);
    await runner.query(`
      CREATE TABLE todo (
        id SERIAL PRIMARY KEY,
        title text NOT NULL,
        done boolean NOT NULL DEFAULT false,
        archived_at timestamptz,
        project_id integer NOT NULL REFERENCES project (id) ON DELETE CASCADE
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE todo, project, credential, account');
  }
}
