import type { Person } from './person.js';

interface Row {
  id: number;
}
type Project = Row & { todos: Row[] };

/** How many to-dos a day leaves done: what the archive's job changes. */
export const DONE_IN_A_DAY = 3;

/** What one does with the application in a day: every route, several requests at once, and one that fails. Both examples have these routes. */
export async function spendDay(person: Person): Promise<void> {
  const { name } = person;
  const [{ body: house }, { body: trip }] = await Promise.all([
    person.ask<Project>('POST /projects', {
      body: { name: `house of ${name}`, todos: ['paint', 'sweep'].map((todo) => `${todo} (${name})`) },
      changes: ['CREATE project', 'CREATE todo', 'CREATE todo'],
    }),
    person.ask<Project>('POST /projects', {
      body: { name: `trip of ${name}`, todos: [`pack (${name})`] },
      changes: ['CREATE project', 'CREATE todo'],
    }),
  ]);
  const [{ body: bulb }] = await Promise.all([
    person.ask<Row>('POST /projects/:id/todos', {
      id: house.id,
      body: { title: `buy a bulb (${name})` },
      changes: ['CREATE todo'],
    }),
    person.ask('PUT /todos/:id', {
      id: house.todos[0]!.id,
      body: { title: `paint it blue (${name})` },
      changes: ['UPDATE todo'],
    }),
    person.ask('GET /projects'),
  ]);
  const done = { id: bulb.id, body: { reason: `${name} went shopping` } };
  await person.ask('POST /todos/:id/done', { ...done, changes: ['UPDATE account', 'UPDATE todo'] });
  // Nobody has points twice for one to-do: what the transaction had written is rolled back.
  await person.ask('POST /todos/:id/done', { ...done, status: 409 });
  await Promise.all([
    person.ask('POST /projects/:id/finish', {
      id: house.id,
      changes: ['UPDATE todo', 'UPDATE todo'],
    }),
    person.ask('DELETE /projects/:id', { id: trip.id, changes: ['DELETE project', 'DELETE todo'] }),
  ]);
}
