import type { Random } from '../random.js';

/** One column of the table that has every built-in type: its name, its type, and a random value as text. */
export interface TypedColumn {
  readonly name: string;
  readonly type: string;
  value(random: Random): string;
}

const digits = (r: Random, n: number): string =>
  Array.from({ length: r.integer(1, n) }, () => r.integer(0, 9)).join('');
const quoteElement = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
const number = (r: Random): string => (r.next() * 2000 - 1000).toString();
const point = (r: Random): string => `(${number(r)},${number(r)})`;
const two = (n: number): string => String(n).padStart(2, '0');
const date = (r: Random): string =>
  r.pick([
    `${r.integer(1000, 9999)}-${two(r.integer(1, 12))}-${two(r.integer(1, 28))}`,
    `${two(r.integer(1, 99)).padStart(4, '0')}-03-15 BC`,
    '12345-06-07',
    'infinity',
    '-infinity',
  ]);
const time = (r: Random): string =>
  `${two(r.integer(0, 23))}:${two(r.integer(0, 59))}:${two(r.integer(0, 59))}.${String(r.integer(0, 999_999)).padStart(6, '0')}`;
const timestamp = (r: Random): string => {
  const day = date(r);
  if (day.endsWith('infinity')) return day;
  return day.endsWith(' BC') ? `${day.slice(0, -3)} ${time(r)} BC` : `${day} ${time(r)}`;
};
const timestamptz = (r: Random): string => {
  const text = timestamp(r);
  const zone = r.pick(['+00', '+05:30', '-08', '+13:45']);
  if (text.endsWith('infinity')) return text;
  return text.endsWith(' BC') ? `${text.slice(0, -3)}${zone} BC` : `${text}${zone}`;
};
const numeric = (r: Random): string =>
  r.pick([
    `${digits(r, 40)}.${digits(r, 30)}`,
    `-${digits(r, 60)}`,
    'NaN',
    '0.10',
    '1e200',
    'Infinity',
    '-0.000',
  ]);
const float = (r: Random): string =>
  r.pick([number(r), 'NaN', 'Infinity', '-Infinity', '-0', '1e-30', '3.4e38', '0.1']);
const json = (r: Random): string =>
  r.pick([
    JSON.stringify({ text: r.text(20), list: [1, null, true, { deep: r.text(5) }] }),
    '12345678901234567890',
    '{"a" : 1.10, "a": 2, "b": 1e3}',
    'null',
    '[]',
    `"${'\\ud83d\\ude00'}"`,
  ]);
const interval = (r: Random): string =>
  `${r.integer(-20, 20)} years ${r.integer(-11, 11)} mons ${r.integer(-40, 40)} days ${r.integer(-30, 30)}:${two(r.integer(0, 59))}:01.${digits(r, 6)}`;
const bits = (r: Random, n: number): string => Array.from({ length: n }, () => r.integer(0, 1)).join('');
const range = (r: Random): string => {
  const low = r.integer(-50, 50);
  return r.pick([`[${low},${low + r.integer(0, 50)})`, 'empty', '(,)', `[${low},)`]);
};
const array = (r: Random, element: (r: Random) => string): string =>
  r.pick([
    () => '{}',
    () => `{${Array.from({ length: r.integer(1, 4) }, () => quoteElement(element(r))).join(',')},NULL}`,
    () => `{{${quoteElement(element(r))},NULL},{NULL,${quoteElement(element(r))}}}`,
  ])();
const uuid = (r: Random): string => r.hex(32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
const hexBytes = (r: Random): string => `\\x${r.hex(2 * r.integer(0, 20))}`;

function column(name: string, type: string, value: (r: Random) => string): TypedColumn {
  return { name, type, value };
}

/** Every built-in type that a column can have and `to_jsonb` takes, and the kinds of user-made types. */
export const TYPED_COLUMNS: readonly TypedColumn[] = [
  column('c_bool', 'bool', (r) => r.pick(['t', 'f'])),
  column('c_int2', 'int2', (r) => String(r.integer(-32_768, 32_767))),
  column('c_int4', 'int4', (r) => String(r.integer(-2_147_483_648, 2_147_483_647))),
  column('c_int8', 'int8', (r) => r.pick(['9223372036854775807', '-9223372036854775808', digits(r, 18)])),
  column('c_numeric', 'numeric', numeric),
  column('c_numeric_scaled', 'numeric(12,3)', (r) => (r.next() * 1e6).toFixed(4)),
  column('c_float4', 'float4', float),
  column('c_float8', 'float8', (r) => r.pick([float(r), '5e-324', '1.7976931348623157e308'])),
  column('c_money', 'money', (r) => `${r.pick(['', '-'])}${digits(r, 9)}.${two(r.integer(0, 99))}`),
  column('c_text', 'text', (r) => r.text(60)),
  column('c_varchar', 'varchar(40)', (r) => r.text(20)),
  column('c_char', 'char(12)', (r) => r.pick(['', 'a', 'two words', 'trailing   '])),
  column('c_internal_char', '"char"', (r) => r.pick(['a', '', '"', '~'])),
  column('c_name', 'name', (r) => r.text(10)),
  column('c_bytea', 'bytea', hexBytes),
  column('c_date', 'date', date),
  column('c_time', 'time', time),
  column('c_timetz', 'timetz', (r) => `${time(r)}${r.pick(['+00', '+05:30', '-11:45'])}`),
  column('c_timestamp', 'timestamp', timestamp),
  column('c_timestamptz', 'timestamptz', timestamptz),
  column('c_timestamp_seconds', 'timestamp(0)', timestamp),
  column('c_interval', 'interval', interval),
  column('c_uuid', 'uuid', uuid),
  column('c_json', 'json', json),
  column('c_jsonb', 'jsonb', json),
  column('c_jsonpath', 'jsonpath', (r) => r.pick(['$.a[*] ? (@ > 1)', 'strict $."b c"'])),
  column('c_bit', 'bit(9)', (r) => bits(r, 9)),
  column('c_varbit', 'varbit', (r) => bits(r, r.integer(0, 70))),
  column('c_inet', 'inet', (r) => r.pick(['10.1.2.3', '10.0.0.0/8', '2001:db8::1', '::ffff:1.2.3.4/128'])),
  column('c_cidr', 'cidr', (r) => r.pick(['10.0.0.0/8', '2001:db8::/32'])),
  column('c_macaddr', 'macaddr', (r) => r.hex(12)),
  column('c_macaddr8', 'macaddr8', (r) => r.hex(16)),
  column('c_point', 'point', point),
  column('c_line', 'line', (r) => `{${r.integer(1, 9)},${r.integer(-9, 9)},${number(r)}}`),
  column('c_lseg', 'lseg', (r) => `[${point(r)},${point(r)}]`),
  column('c_box', 'box', (r) => `${point(r)},${point(r)}`),
  column('c_path', 'path', (r) =>
    r.pick([`[${point(r)},${point(r)}]`, `(${point(r)},${point(r)},${point(r)})`]),
  ),
  column('c_polygon', 'polygon', (r) => `(${point(r)},${point(r)},${point(r)})`),
  column('c_circle', 'circle', (r) => `<${point(r)},${r.integer(1, 50)}>`),
  column('c_tsvector', 'tsvector', (r) => r.pick(["'a b':1A fat:2,4C", 'cat dog', "'it''s'", ''])),
  column('c_tsquery', 'tsquery', (r) => r.pick(["fat & ('rat' | !cat:AB)", 'a <-> b', ''])),
  column('c_int4range', 'int4range', range),
  column('c_int8range', 'int8range', range),
  column('c_numrange', 'numrange', (r) => r.pick(['[1.10,2.200)', 'empty', '(,NaN]', '(-Infinity,5]'])),
  column('c_tsrange', 'tsrange', (r) => `["2024-01-01 00:00","2024-0${r.integer(2, 9)}-01 12:30:00.5")`),
  column('c_tstzrange', 'tstzrange', (r) => `["2024-01-01 00:00+03","2024-0${r.integer(2, 9)}-01 12:30-08")`),
  column('c_daterange', 'daterange', (r) => `[2024-01-01,2024-0${r.integer(2, 9)}-01]`),
  column('c_int4multirange', 'int4multirange', (r) => r.pick(['{}', `{[1,3),[${r.integer(5, 9)},20)}`])),
  column('c_tstzmultirange', 'tstzmultirange', () => '{["2024-01-01 00:00+03","2024-02-01 12:30-08")}'),
  column('c_oid', 'oid', (r) => String(r.integer(0, 4_294_967_295))),
  column('c_regclass', 'regclass', (r) => r.pick(['pg_class', 'pg_type', '0'])),
  column('c_regtype', 'regtype', (r) => r.pick(['timestamp with time zone', 'int4[]', '0'])),
  column('c_regproc', 'regprocedure', () => 'length(text)'),
  column('c_regnamespace', 'regnamespace', () => 'pg_catalog'),
  column('c_pg_lsn', 'pg_lsn', (r) => `${r.hex(5)}/${r.hex(7)}`),
  column('c_xid', 'xid', (r) => String(r.integer(3, 4_294_967_295))),
  column('c_xid8', 'xid8', () => '18446744073709551615'),
  column('c_cid', 'cid', (r) => String(r.integer(0, 99))),
  column('c_tid', 'tid', (r) => `(${r.integer(0, 999)},${r.integer(1, 99)})`),
  column('c_snapshot', 'pg_snapshot', () => '10:20:10,14,15'),
  column('c_refcursor', 'refcursor', (r) => r.text(8)),
  column('c_int2vector', 'int2vector', () => '1 2 3'),
  column('c_oidvector', 'oidvector', () => '10 20'),
  column('c_aclitem', 'aclitem', () => 'postgres=r*w/postgres'),
  column('c_mood', 'mood', (r) => r.pick(['happy', 'so-so', 'it\'s "bad"'])),
  column('c_positive', 'positive', (r) => String(r.integer(1, 99_999))),
  column(
    'c_address',
    'address',
    (r) => `(${quoteElement(r.text(12))},${r.integer(1, 99)},"2024-05-06 07:08:09+02",so-so)`,
  ),
  column('c_positives', 'positives', (r) => `{${r.integer(1, 9)},${r.integer(1, 9)}}`),
  column('c_bools', 'bool[]', (r) => array(r, () => r.pick(['t', 'f']))),
  column('c_int4s', 'int4[]', (r) => r.pick([array(r, () => digits(r, 8)), '[-1:1]={1,2,3}'])),
  column('c_int8s', 'int8[]', (r) => array(r, () => '9223372036854775807')),
  column('c_numerics', 'numeric[]', (r) => array(r, numeric)),
  column('c_float8s', 'float8[]', (r) => array(r, float)),
  column('c_texts', 'text[]', (r) => array(r, () => r.text(15))),
  column('c_byteas', 'bytea[]', (r) => array(r, hexBytes)),
  column('c_timestamptzs', 'timestamptz[]', (r) => array(r, timestamptz)),
  column('c_dates', 'date[]', (r) => array(r, date)),
  column('c_jsons', 'json[]', (r) => array(r, json)),
  column('c_jsonbs', 'jsonb[]', (r) => array(r, json)),
  column('c_intervals', 'interval[]', (r) => array(r, interval)),
  column('c_uuids', 'uuid[]', (r) => array(r, uuid)),
  column('c_boxes', 'box[]', (r) => `{${point(r)},${point(r)};(1,1),(0,0)}`),
  column('c_ranges', 'int4range[]', (r) => array(r, range)),
  column('c_moods', 'mood[]', (r) => array(r, () => r.pick(['happy', 'it\'s "bad"']))),
  column('c_addresses', 'address[]', (r) => array(r, () => `(${quoteElement(r.text(6))},,,happy)`)),
];
