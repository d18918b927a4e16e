import type { Person } from './person.js';

/** How an example is run: Node programs, from its folder. */
export interface Example {
  /** Makes the tables. */
  readonly tables: readonly string[];
  /** The application; it says where it listens. */
  readonly server: readonly string[];
  /** Its job that archives what is done, where that is a program of its own; else the server does it every `ARCHIVE_EVERY_MS`. */
  readonly job?: readonly string[];
  /** Makes an account for this person, who is then known to the application. */
  join(person: Person): Promise<void>;
}

/** The name of an example, which is its folder's. */
export type ExampleName = 'express-prisma' | 'nest-typeorm';

/** The examples that are run the same way. */
export const EXAMPLES: Record<ExampleName, Example> = {
  'express-prisma': {
    tables: ['create-tables.js'],
    server: ['server.js'],
    async join(person) {
      const { body } = await person.ask<{ token: string }>('POST /accounts', {
        body: { name: person.name },
        changes: ['CREATE account'],
      });
      person.proof = { authorization: `Bearer ${body.token}` };
    },
  },
  'nest-typeorm': {
    tables: ['dist/create-tables.js'],
    server: ['dist/main.js'],
    job: ['dist/archive.js'],
    async join(person) {
      const body = { name: person.name, password: `secret of ${person.name}` };
      await person.ask('POST /accounts', { body, changes: ['CREATE account'] });
      const { headers } = await person.ask('POST /sessions', { body, changes: ['UPDATE account'] });
      person.proof = { cookie: headers.getSetCookie()[0]!.split(';')[0]! };
    },
  },
};
