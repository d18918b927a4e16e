import { expect } from 'vitest';
import type { DecodedSource } from './decoded-source.js';

/** A column whose image isn't what PostgreSQL says. */
export interface Difference {
  id: number;
  column: string;
  ours: string;
  theirs: string;
}

/** Lets PostgreSQL compare the last image of each row of a table with `to_jsonb`, column by column, as values and as text. */
export async function compareImages(
  source: DecodedSource,
  table: string,
): Promise<{ rows: number; differences: Difference[] }> {
  const changes = await source.changes();
  const images = new Map<number, string>();
  for (const { relation, operation, after } of changes) {
    if (relation.table !== table) continue;
    expect(operation).not.toBe('DELETE');
    images.set((JSON.parse(after) as { id: number }).id, after);
  }
  const [count] = await source.rows<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  expect(images.size).toBe(count!.n);
  const found = await source.rows<Difference>(
    `SELECT t.id, e.key AS "column", left(e.ours::text, 300) AS ours, left(e.theirs::text, 300) AS theirs
     FROM ${table} t
       JOIN unnest($1::int[], $2::text[]) AS i(id, image) USING (id)
       CROSS JOIN LATERAL (
         SELECT COALESCE(o.key, s.key) AS key, o.value AS ours, s.value AS theirs
         FROM jsonb_each(i.image::jsonb) o FULL JOIN jsonb_each(to_jsonb(t)) s ON o.key = s.key
       ) e
     WHERE (e.ours = e.theirs AND e.ours::text = e.theirs::text) IS NOT TRUE
     LIMIT 10`,
    [[...images.keys()], [...images.values()]],
  );
  return { rows: images.size, differences: found };
}
