import { TYPED_COLUMNS } from './every-type.js';

/** The tables of the workload as SQL names, roots of partitioned tables once. All of them are tracked. */
export const WORKLOAD_TABLES: readonly string[] = [
  'public.item',
  'public.item_note',
  'public.every_type',
  'public.composite_key',
  'public.no_key',
  'public.document',
  'public.reading',
  'public.generated',
  'public.parent',
  'public.child',
  'public.scratch',
  'public.scratch_child',
  '"Odd Schema"."Odd ""Table"',
];

/** The same in the form of the command's `--tables`: names as they are, commas between, `public` unless said. */
export const WORKLOAD_TABLES_OPTION: string = WORKLOAD_TABLES.map((name) =>
  name.replace(/^public\./, '').replace(/^"Odd Schema"\."Odd ""Table"$/, 'Odd Schema.Odd "Table'),
).join(',');

/**
 * The workload's schema. `item` has a deferred trigger that writes `item_note` at COMMIT, and an immediate one for
 * items named "chatty"; `child` loses rows by a cascade and references by SET NULL.
 */
export const WORKLOAD_SCHEMA: string = `
CREATE SCHEMA "Odd Schema";
CREATE TYPE mood AS ENUM ('happy', 'so-so', 'it''s "bad"');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN positives AS int[];
CREATE TYPE address AS (street text, number positive, since timestamptz, mood mood);

CREATE TABLE item (id bigint PRIMARY KEY, name text, amount numeric, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE item_note (item bigint, note text, xid xid8 DEFAULT pg_current_xact_id());
CREATE TABLE every_type (id bigint PRIMARY KEY, ${TYPED_COLUMNS.map((c) => `${c.name} ${c.type}`).join(', ')});
CREATE TABLE composite_key (tenant int, "Odd ""Name" text, value text, PRIMARY KEY (tenant, "Odd ""Name"));
CREATE TABLE no_key (a int, b text);
CREATE TABLE document (id bigint PRIMARY KEY, title text, body text, raw bytea, extra jsonb, dropped int);
ALTER TABLE document ALTER body SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL, DROP COLUMN dropped;
CREATE TABLE generated (id bigint PRIMARY KEY, a int, doubled int GENERATED ALWAYS AS (a * 2) STORED, b text);
CREATE TABLE parent (id bigint PRIMARY KEY, name text);
CREATE TABLE child (id bigint PRIMARY KEY, parent bigint REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE,
  friend bigint REFERENCES parent ON DELETE SET NULL);
CREATE TABLE scratch (id bigint PRIMARY KEY, v text);
CREATE TABLE scratch_child (id bigint PRIMARY KEY, scratch bigint REFERENCES scratch);
CREATE TABLE "Odd Schema"."Odd ""Table" ("i d" uuid PRIMARY KEY, "a.b" text, "ünï" jsonb);

CREATE TABLE reading (day date, sensor int, value float8, note text, PRIMARY KEY (day, sensor)) PARTITION BY RANGE (day);
CREATE TABLE reading_2023 PARTITION OF reading FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE reading_2024 PARTITION OF reading FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (sensor);
CREATE TABLE reading_2024_even PARTITION OF reading_2024 FOR VALUES IN (0, 2, 4, 6, 8);
CREATE TABLE "Odd Schema".reading_2024_rest PARTITION OF reading_2024 DEFAULT;
CREATE TABLE reading_other PARTITION OF reading DEFAULT;

CREATE FUNCTION note_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO item_note (item, note) VALUES (NEW.id, TG_NAME); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER note_at_commit AFTER UPDATE ON item DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.name = 'deferred') EXECUTE FUNCTION note_item();
CREATE TRIGGER note_at_once AFTER INSERT ON item FOR EACH ROW WHEN (NEW.name = 'chatty') EXECUTE FUNCTION note_item();

CREATE FUNCTION write_items(first bigint, n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO item (id, name) SELECT first + i, 'by function ' || i FROM generate_series(0, n - 1) i
    ON CONFLICT (id) DO UPDATE SET amount = coalesce(item.amount, 0) + 1;
  UPDATE item SET amount = 7 WHERE id = first;
  RETURN n;
END $$;
CREATE FUNCTION write_one(i int) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO no_key VALUES (i, 'one by one') RETURNING a $$;
CREATE FUNCTION write_and_catch(i bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO no_key VALUES (1, 'before');
  BEGIN
    INSERT INTO no_key VALUES (2, 'undone');
    INSERT INTO item (id) VALUES (i), (i);
  EXCEPTION WHEN unique_violation THEN
    INSERT INTO no_key VALUES (3, 'caught');
  END;
END $$;
CREATE PROCEDURE write_by_call(i int) LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO no_key VALUES (i, 'by call'); DELETE FROM no_key WHERE a = i - 1 AND b = 'by call'; END $$;
INSERT INTO item (id, name) SELECT i, 'shared' FROM generate_series(1, 5) i;
`;
