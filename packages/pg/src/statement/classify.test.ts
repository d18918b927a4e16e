import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Classified, classify } from './classify.js';

const kindOf = (text: string) =>
  classify(text)
    .statements.map((statement) => statement.kind)
    .join();

describe('classify', () => {
  it.each([
    // reads
    ['read', 'select 1'],
    ['read', 'SELECT "t"."id" AS "t_id" FROM "todo" "t" WHERE ("t"."id" IN ($1, $2)) LIMIT 1'],
    ['read', 'select count(*) from (select 1) as x(a) where exists (select 1) and a = any ($1)'],
    [
      'read',
      'select a.* from a inner join (select 1) b on true left join (b cross join (select 1) c) on true',
    ],
    ['read', 'select * from t where name ilike ($1) and x not in (1) order by (a) nulls last for share'],
    ['read', "select a::geometry(Point, 4326), b::public.kind(3), cast(c as kind(2)), x'1f'::bit varying(8)"],
    ['read', "select x like 'a' escape '\\', lower(y) from t where z like $1 escape '\\'"],
    [
      'read',
      'select sum(n) filter (where n > 0) over (partition by (a) order by (b) rows 2 preceding) from t',
    ],
    ['read', 'select now() at time zone (select $1)'],
    ['read', 'with a as (select 1), b (x) as not materialized (select 2) select * from a, b'],
    ['read', 'with recursive a(n) as (values (1)) cycle n set c using p, b(x) as (select 1) select * from b'],
    ['read', 'with update_count as (select 1) select * from update_count for no key update'],
    ['read', 'select update, delete, merge from odd'],
    ['read', 'select t.into from t'],
    ['read', 'select * from t tablesample bernoulli (10) repeatable (1)'],
    ['read', 'select json_agg(x order by (x)) from json_to_recordset($1) as x(a int, b varchar(10))'],
    [
      'read',
      'select xmlelement(name a, xmlattributes(1 as b)), row(1, 2), array(select 1), position($1 in b)',
    ],
    ['read', 'explain (analyze false, costs off) select f.a from f'],
    ['read', 'explain verbose update t set a = 1'],
    ['read', 'explain (select 1)'],
    ['read', 'prepare transaction as insert into t values (1)'],
    ['read', 'declare c cursor with hold for select * from t'],
    ['read', 'set local role x'],
    ['read', 'copy t to program $$x$$'],
    // what the text can't tell
    ['unknown', 'select f(1)'],
    ['unknown', 'select a, F (1) from t'],
    ['unknown', 'select nextval($1)'],
    ['unknown', 'select "NOW"()'],
    ['unknown', 'select public.now()'],
    ['unknown', 'select db.pg_catalog.now()'],
    ['unknown', 'select pg_catalog.f()'],
    ['unknown', 'select \u212aount(1)'],
    ['unknown', 'select now\u00a0()'],
    ['unknown', 'select * from t, lateral f(t.id) x(a)'],
    ['unknown', 'select distinct on ((1)) f(1)'],
    ['unknown', 'select 1 operator(pg_catalog.+) f(1)'],
    ['unknown', 'select 1 operator(public.+) 1'],
    ['unknown', 'select a[f(1)] from t'],
    ['unknown', 'select a, f(x order by now()) over (w) from t window w as (order by f(1))'],
    ['unknown', 'select 1 into t'],
    ['unknown', 'select 1 INTO TEMP t'],
    ['unknown', '(select 1 into t)'],
    ['unknown', 'with a as (insert into t values (1) returning 1) select * from a'],
    ['unknown', 'with a as (merge into t using s on true when matched then delete returning 1) table a'],
    ['unknown', '((with a as (delete from t returning 1) select * from a))'],
    ['unknown', 'with a as (select 1) delete from t'],
    ['unknown', 'with a(x) as (select 1) cycle x set c using p select f(1)'],
    ['unknown', 'with a as (select 1), b as (select 1) (select 1) order by f(1)'],
    ['unknown', 'fetch all from c'],
    ['unknown', 'move c'],
    ['unknown', 'execute s(1)'],
    ['unknown', 'call p()'],
    ['unknown', 'do $$ begin end $$'],
    ['unknown', 'explain analyse insert into t values (1)'],
    ['unknown', 'explain (analyze) insert into t values (1)'],
    ['unknown', 'explain (verbose, analyze true, costs off) insert into t values (1)'],
    ['unknown', "explain (analyze 'off', ANALYZE) insert into t values (1)"],
    ['unknown', 'explain select f(1)'],
    ['unknown', 'declare c cursor for select f(1)'],
    ['unknown', 'copy (delete from t returning *) to stdout'],
    ['unknown', 'create table t as select 1'],
    ['unknown', 'create view v as select 1 as concurrently'],
    ['unknown', 'refresh materialized view concurrently v'],
    ['unknown', 'reindex table t'],
    ['unknown', 'alter table t add column a int'],
    ['unknown', '\ufeffselect 1'],
    ['unknown', 'nonsense'],
    ['unknown', '"select" 1'],
    // plain DML
    ['write', 'insert into t default values'],
    ['write', '/* a */ UPDATE t SET a = 1'],
    ['write', 'delete from only t'],
    ['write', 'merge into t using s on true when matched then delete'],
    ['write', 'truncate t'],
    ['write', 'declare c cursor with hold for select f(1)'],
    // alone
    ['alone', 'vacuum (full) t'],
    ['alone', 'cluster'],
    ['alone', 'create unique index concurrently on t (a)'],
    ['alone', 'drop index concurrently if exists i'],
    ['alone', 'reindex (concurrently) table t'],
    ['alone', 'reindex database d'],
    ['alone', 'alter table t detach partition p concurrently'],
    ['alone', 'alter system set a = 1'],
    ['alone', 'alter database d set tablespace t'],
    ['alone', 'create database d'],
    ['alone', 'discard all'],
  ])('%s: %s', (kind, text) => {
    expect(kindOf(text)).toBe(kind);
  });

  it.each([
    ['begin', 'begin isolation level serializable'],
    ['begin', 'start transaction'],
    ['end', 'commit'],
    ['end', 'end work and no chain'],
    ['end', 'abort'],
    ['end', 'rollback transaction'],
    ['end', "prepare transaction 'x'"],
    ['chain', 'commit and chain'],
    ['chain', 'rollback work and chain'],
    ['rollback-to', 'rollback to a'],
    ['rollback-to', 'rollback transaction to savepoint a'],
    ['savepoint', 'savepoint a'],
    ['release', 'release a'],
    ['mode', 'set transaction isolation level serializable'],
    ['mode', 'set local transaction read only'],
    [undefined, "commit prepared 'x'"],
    [undefined, "rollback prepared 'x'"],
  ])('effect %s: %s', (effect, text) => {
    expect(classify(text).statements).toMatchObject([{ kind: 'transaction' }]);
    expect(classify(text).statements[0]?.effect).toBe(effect);
  });

  it.each([
    ['from', 'write', 'copy t from stdin'],
    ['from', 'write', 'copy binary "T" (a, "from") from stdin with (format csv)'],
    ['from', 'write', 'copy s.from(to_x, b) from stdin where a > 1'],
    ['from-server-file', 'write', "copy t from '/x'"],
    ['from-server-file', 'write', "copy t from program 'to'"],
    ['to', 'read', 'copy s.to to stdout'],
    ['to', 'read', 'copy (select a from t) to stdout (delimiter $$;$$)'],
    ['to', 'unknown', 'copy (select f(1)) to stdout'],
    ['to-server-file', 'read', "copy t (a) to '/from'"],
  ])('copy %s, %s: %s', (copy, kind, text) => {
    expect(classify(text)).toMatchObject({ single: true, statements: [{ kind, copy }] });
  });

  it('says where each statement begins and ends, without comments, semicolons and empty statements', () => {
    const text = "; -- a\n SELECT $1; /* b */ INSERT INTO t VALUES (';', $2) -- c\n ;; TABLE t /* d */";
    const { statements, ...rest } = classify(text);
    expect(statements.map(({ start, end }) => text.slice(start, end))).toEqual([
      'SELECT $1',
      "INSERT INTO t VALUES (';', $2)",
      'TABLE t',
    ]);
    expect(statements.map(({ hasParameters }) => hasParameters)).toEqual([true, true, false]);
    expect(rest).toEqual({ single: false, hasParameters: true, confident: true });
  });

  it.each([
    ["select '$1'", false],
    ['select $$ $1 $$', false],
    ['select a$1 from t', false],
    ['select "$1" /* $1 */ -- $1', false],
    ['select 1+$1', true],
  ])('parameters: %s %s', (text, has) => {
    expect(classify(text).hasParameters).toBe(has);
  });

  it('tries both readings of a backslash before a quote, unless it is told the setting', () => {
    const text = "select '\\'; delete from t; --'";
    const kinds = (found: Classified) => [found.confident, found.statements.map(({ kind }) => kind).join()];
    expect(classify(text).confident).toBe(false);
    expect(kinds(classify(text, true))).toEqual([true, 'read,write']);
    expect(kinds(classify(text, false))).toEqual([true, 'read']);
    // the other reading is refused by the server, or says the same
    expect(kinds(classify("select 1 like 'x' escape '\\'"))).toEqual([true, 'read']);
    expect(kinds(classify("select 'it\\'s'"))).toEqual([true, 'read']);
    expect(kinds(classify("insert into t values ('\\\\')"))).toEqual([true, 'write']);
  });

  it.each([
    "select '",
    'select "',
    'select /* /* */',
    'select $a$ $A$',
    'select (',
    'select )',
    'a\0',
    "select 'a\0b'",
    "e'\\'",
    '\\',
  ])('gives up on %j', (text) => {
    expect(classify(text).confident).toBe(false);
  });

  it('cuts joined statements where they were joined', () => {
    const statement = fc.constantFrom(
      "SELECT 'a;''b'",
      "INSERT INTO t VALUES (E'\\';', $$;$$, $x$;$$;$x$)",
      'UPDATE "a;""b" SET c$1 = $1',
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 2; END',
      'CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; DELETE FROM u)',
      "SELECT 'a'\n'b;'",
      'COMMIT AND CHAIN',
      `SELECT U&"\\0061;" FROM t`,
      'SELECT 1 +-- ;\n 2',
    );
    const space = fc.constantFrom('', ' ', '\n', '/* ; */', "/* /* ' */ ; */", '-- ;"\n', '--\r', '\t/**/');
    const joint = fc
      .tuple(space, fc.constantFrom(';', ';;', '; ;', ';/*;*/;'), space)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, joint), { minLength: 1 }), space, (parts, lead) => {
        const text = lead + parts.map(([one, between]) => one + between).join('');
        const found = classify(text);
        expect(found.confident).toBe(true);
        expect(found.statements.map(({ start, end }) => text.slice(start, end))).toEqual(
          parts.map(([one]) => one),
        );
        expect(found.statements.map(({ kind }) => kind)).toEqual(
          parts.map(([one]) => classify(one).statements[0]!.kind),
        );
      }),
    );
  });

  it('never calls a query with a function of unknown name a read, wherever it is called', () => {
    const expression: fc.Arbitrary<string> = fc.letrec<{ e: string }>((tie) => ({
      e: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('writer(1)', 'public.writer()', '"writer"(a)', 'WRITER /* x */ (1)'),
        fc
          .tuple(
            tie('e'),
            fc.constantFrom(
              '+',
              ' AND ',
              ' OPERATOR(pg_catalog.+) ',
              ' IN ',
              ' NOT LIKE ',
              ' IS DISTINCT FROM ',
            ),
          )
          .map(([e, o]) => `(1)${o}${e}`),
        tie('e').map((e) => `lower(${e})`),
        tie('e').map((e) => `(${e})`),
        tie('e').map((e) => `CASE WHEN (a) THEN (b) ELSE ${e} END`),
        tie('e').map((e) => `(SELECT DISTINCT ON (a) ${e})`),
        tie('e').map((e) => `ARRAY[(1), ${e}]`),
        tie('e').map((e) => `count(*) FILTER (WHERE ${e}) OVER (w)`),
        tie('e').map((e) => `a[${e}]::varchar(3)`),
        tie('e').map((e) => `EXISTS (WITH a(x) AS (SELECT 1), b(y) AS (SELECT ${e}) SELECT 1 FROM b)`),
        tie('e').map((e) => `(WITH a AS (SELECT (1)) (SELECT (2)) ORDER BY ${e})`),
        tie('e').map((e) => `CAST(${e} AS numeric(3))`),
      ),
    })).e;
    const query = fc.tuple(
      expression,
      fc.constantFrom(
        (e: string) => `SELECT ${e}`,
        (e: string) =>
          `SELECT 1 FROM t x(a) JOIN LATERAL ${e.startsWith('(') ? '' : ''}(SELECT ${e}) y(b) ON (true)`,
        (e: string) => `VALUES (1), (${e})`,
        (e: string) => `SELECT 1 FROM t GROUP BY (a), ${e} HAVING ${e} ORDER BY (a), ${e} LIMIT ${e}`,
        (e: string) => `(TABLE t) UNION SELECT ${e}`,
        (e: string) => `EXPLAIN ANALYZE SELECT ${e}`,
        (e: string) => `COPY (SELECT ${e}) TO STDOUT`,
        (e: string) => `DECLARE c CURSOR FOR SELECT ${e}`,
      ),
    );
    fc.assert(
      fc.property(query, ([inner, around]) => {
        expect(classify(around(inner)).statements.map(({ kind }) => kind)).toEqual(['unknown']);
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws, and its statements lie in the text in order', () => {
    const piece = fc.constantFrom(
      ..."; ' \" $ $$ $a$ \\ -- /* */ ( ) \n . :: , select with as into end begin atomic create function e' operator( on distinct explain analyze copy from to 1 a é \0".split(
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join(' ')),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, fc.option(fc.boolean(), { nil: undefined }), (sql, setting) => {
        let at = 0;
        for (const { start, end } of classify(sql, setting).statements) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(sql.length);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ...[
      '-',
      "'",
      '"',
      '$a',
      '$$',
      '(',
      ')',
      '/*',
      "'\\",
      "e'\\'",
      "'a' -- x\n",
      "'a'\n-- x\n",
      '(with a as ',
      "''\n",
      ' ',
    ],
    ...[
      'operator(',
      'a.',
      'distinct on (',
      '::',
      'case when ',
      ';',
      'begin atomic ',
      'f(1), ',
      '$1',
      '1e',
      '/**/',
    ],
  ])('reads a megabyte of %j in far less than minutes', (piece) => {
    // a quadratic reader would need minutes, so the bound needs no quiet machine
    for (const before of ['select ', 'create function f() ', 'insert into ']) {
      const text = before + piece.repeat(1_000_000 / piece.length);
      const begun = performance.now();
      classify(text);
      expect(performance.now() - begun).toBeLessThan(3000);
    }
  });

  it('keeps what is in use, and gives the same answer when it has forgotten', () => {
    const text = 'select 1 as kept';
    const first = classify(text);
    expect(classify(text)).toBe(first);
    for (let i = 0; i < 5000; i++) classify(`select ${i} as passing`);
    expect(classify(text)).not.toBe(first);
    expect(classify(text)).toEqual(first);
    const long = `select '${'x'.repeat(20_000)}'`;
    expect(classify(long)).not.toBe(classify(long));
  });
});
