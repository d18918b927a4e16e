import { ColophonSubscriber } from '@colophon/typeorm';
import * as typeorm1 from 'typeorm';
import * as typeorm03 from 'typeorm-0.3';
import { expect, expectTypeOf, it } from 'vitest';

it('fits the types of both versions, as a class among subscribers and as one of them', () => {
  const options1: typeorm1.DataSourceOptions = { type: 'postgres', subscribers: [ColophonSubscriber] };
  const options03: typeorm03.DataSourceOptions = { type: 'postgres', subscribers: { ColophonSubscriber } };
  expectTypeOf<ColophonSubscriber>().toExtend<typeorm1.EntitySubscriberInterface>();
  expectTypeOf<ColophonSubscriber>().toExtend<typeorm03.EntitySubscriberInterface>();
  expectTypeOf(ColophonSubscriber).not.toBeAny();
  expect(new typeorm1.DataSource(options1).isInitialized).toBe(false);
  expect(new typeorm03.DataSource(options03).isInitialized).toBe(false);
  // @ts-expect-error TypeORM gives its subscribers no arguments, and neither can anybody else.
  new ColophonSubscriber({});
});
