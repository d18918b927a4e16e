import { lsn, type SourceDescription } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { PublicationCoverage } from './publication-coverage.js';

const SOURCE: SourceDescription = {
  name: 'shop',
  environment: '',
  database: 'shop',
  systemIdentifier: '1',
  timeline: 3,
  slot: 'colophon',
};

it('tells a gap once, where it begins, and again after its end', () => {
  const coverage = new PublicationCoverage('colophon', SOURCE);
  const todo = { name: 'colophon', table: 'public.todo', isWhole: false };
  expect(coverage.gapAt(todo, lsn(10n))).toMatchObject({
    reason: 'publication-changed',
    fromLsn: 10n,
    toLsn: null,
    fromTimeline: 3,
    tables: ['public.todo'],
    detail: expect.stringContaining('public.todo'),
  });
  expect(coverage.gapAt(todo, lsn(20n))).toBeNull();
  expect(coverage.gapAt({ ...todo, table: null }, lsn(30n))).toMatchObject({ tables: null });
  expect(coverage.gapAt({ ...todo, isWhole: true }, lsn(40n))).toBeNull();
  expect(coverage.gapAt(todo, lsn(50n))).toMatchObject({ fromLsn: 50n });
});

it('knows nothing of other publications', () => {
  const coverage = new PublicationCoverage('colophon', SOURCE);
  expect(coverage.gapAt({ name: 'other', table: 'public.todo', isWhole: false }, lsn(10n))).toBeNull();
});
