import path from 'node:path';
import { openStore } from '@colophon/store';
import { colophon, startColophon } from './colophon-command.js';
import { startPostgres } from './embedded-postgres.js';
import { EXAMPLES, type Example, type ExampleName } from './examples.js';
import { Person } from './person.js';
import { runProgram } from './program.js';
import { say } from './say.js';
import { sql } from './sql.js';
import { startServer } from './start-server.js';
import { untilStored } from './until-stored.js';
import { DONE_IN_A_DAY, spendDay } from './working-day.js';

const TABLES = 'account,project,todo';
const NAMES = ['ada', 'grace', 'linus'];

/** Runs an example from its folder, with all it needs: PostgreSQL, tables, `colophon init` and `run`, the application and people who use it; shows the audit trail and stops it all. */
export async function show(folder: string): Promise<void> {
  const example: Example = EXAMPLES[path.basename(folder) as ExampleName];
  const closers: (() => Promise<void>)[] = [];
  try {
    say('Starting an embedded PostgreSQL …');
    const server = await startPostgres();
    closers.push(() => server.stop());
    const url = server.url();
    const env = { DATABASE_URL: url };

    say(`node ${example.tables.join(' ')}`);
    await runProgram(example.tables, { cwd: folder, env });
    say(`colophon init --tables ${TABLES}`);
    await colophon(folder, url, ['init', '--tables', TABLES, '--yes']);
    say('colophon run   (beside the application)');
    const consumer = startColophon(folder, url, ['run', '--environment', 'example']);
    closers.push(() => consumer.stop());
    say(`node ${example.server.join(' ')}   (a pool of 2 connections)`);
    const application = await startServer(example, {
      folder,
      databaseUrl: url,
      poolSize: 2,
      archiveEveryMs: 200,
    });
    closers.push(() => application.stop());

    say(`${NAMES.join(', ')} join, and use the application at once …`);
    const people = NAMES.map((name) => new Person(application.base, name));
    await Promise.all(people.map((person) => example.join(person).then(() => spendDay(person))));
    if (example.job) {
      say(`node ${example.job.join(' ')}   (a job, as cron would start it)`);
      await runProgram(example.job, { cwd: folder, env });
    } else {
      say('… while a job of the application archives what is done …');
    }
    await sql(url, `UPDATE account SET points = 1000 WHERE name = 'linus'`);
    say('… and someone gives linus 1,000 points by hand, in psql.');

    const byRequests = people.flatMap(({ sent }) => sent.flatMap(({ changes }) => changes)).length;
    const count = byRequests + NAMES.length * DONE_IN_A_DAY + 1;
    const store = await openStore(url);
    closers.push(() => store.close());
    await untilStored(store, count, () => {
      for (const program of [consumer, application])
        if (program.hasEnded()) throw new Error(`a program ended early:\n${program.talk()}`);
    });
    say('colophon log --reverse');
    await colophon(folder, url, ['log', '--reverse'], { showsOutput: true });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
