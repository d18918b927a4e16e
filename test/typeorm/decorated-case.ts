import { createRequire } from 'node:module';
import { runWithContext } from '@colophon/context';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { ColophonSubscriber } from '@colophon/typeorm';
import type { BaseEntity, DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSlot } from '../pg/decoded.js';
import type { TypeOrm } from './versions.js';

type Entity = typeof BaseEntity & (new () => BaseEntity & Record<string, unknown>);

const { decoratedEntities } = createRequire(import.meta.url)('./decorated-entities.cjs');

/** One version a process: decorated entities of two don't go together, since TypeORM keeps what it saw of them in one global. */
export function decoratedCase(name: string, typeorm: TypeOrm): void {
  describe(name, () => {
    const { Person, Clerk, Log, OwnSubscriber } = decoratedEntities(typeorm) as Record<string, Entity>;
    let url: string;
    let dataSource: DataSource;
    let slot: Awaited<ReturnType<typeof openSlot>>;

    beforeAll(async () => {
      url = await createDatabase(inject('serverUrl'));
      dataSource = new typeorm.DataSource({
        type: 'postgres',
        url,
        poolSize: 5,
        entities: [Person!, Clerk!, Log!],
        synchronize: true,
        subscribers: [OwnSubscriber!, ColophonSubscriber],
      });
      await dataSource.initialize();
      slot = await openSlot(url, 'decorated');
    });
    afterAll(async () => {
      await dataSource?.destroy();
      await slot?.close();
      await dropDatabase(url);
    });

    it('active records, cascades, listeners and a subscriber that write: all in the name of who asked', async () => {
      const chiefs = ['ann', 'bob', 'cid', 'dee'];
      await Promise.all(
        chiefs.map((user) =>
          runWithContext({ user }, async () => {
            const clerk = Object.assign(new Clerk!(), { name: `${user}'s clerk`, desk: 1 });
            const chief = Object.assign(new Person!(), {
              name: user,
              place: { city: 'Bonn' },
              staff: [clerk],
            });
            await chief.save();
            await Object.assign(clerk, { desk: 2, name: `${user}'s old clerk` }).save();
          }),
        ),
      );
      const rows = await slot.rows();
      // Two people, two lines of their listeners; an update, its line before and its line after.
      expect(rows).toHaveLength(chiefs.length * 7);
      for (const user of chiefs) {
        const theirs = rows.filter(({ text }) => new RegExp(`['\\s]${user}'`).test(text));
        expect(theirs).toHaveLength(7);
        expect(new Set(theirs.map(({ context }) => context))).toEqual(new Set([`{"user":"${user}"}`]));
      }
    });
  });
}
