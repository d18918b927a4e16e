/**
 * For every built-in base type the expressions whose values are compared: SQL that gives one value a row.
 * A type of the server that isn't here fails the test.
 */
export const TYPE_VALUES: Readonly<Record<string, string>> = {
  bool: `VALUES (true), (false)`,
  bytea: `VALUES (''::bytea), ('\\x00ff5c22'), ('abc"\\\\'::bytea)
    UNION ALL SELECT decode(md5(g::text || random()), 'hex') FROM generate_series(1, 20) g`,
  char: `VALUES (''::"char"), ('a'), ('"'), ('\\'), (','), ('{'), ('('), (' '), (E'\\n'), (E'\\x01')`,
  name: `VALUES (''::name), ('table'), ('"quoted \\"'), ('na,me'), (repeat('ä', 31)::name)`,
  int8: `VALUES (0::int8), (9223372036854775807), (-9223372036854775808), (9007199254740993)
    UNION ALL SELECT ((random() - 0.5) * 1.8e19)::int8 FROM generate_series(1, 50)`,
  int2: `VALUES (0::int2), (32767), (-32768)`,
  int2vector: `VALUES (''::int2vector), ('1'), ('1 -2 32767')`,
  int4: `VALUES (0), (2147483647), (-2147483648)`,
  regproc: `VALUES ('now'::regproc), ('-'), ('pg_catalog.array_in')`,
  text: `VALUES (''), ('null'), ('NULL'), (' '), ('a,b'), ('"'), ('\\'), ('\\\\"'), ('{}'), ('{"a":1}'), ('(1,2)'), (''''),
      (E'\\n\\r\\t\\b\\f\\v\\x01\\x1f\\x7f'), (U&'\\2028\\2029\\+01F600 é ß \\FFFD'), ('</script>'), ('2024-01-01'), ('1e5'), ('NaN'), (repeat('x"\\', 2000))
    UNION ALL SELECT string_agg(chr((ARRAY[9, 10, 13, 32, 34, 39, 40, 41, 44, 58, 59, 92, 123, 125, 91, 93, 97, 110, 117, 160, 8232, 65279, 128512])[1 + (random() * 22)::int]), '')
      FROM generate_series(1, 4000) g GROUP BY g % 300`,
  oid: `VALUES (0::oid), (4294967295)`,
  tid: `VALUES ('(0,1)'::tid), ('(4294967295,65535)')`,
  xid: `VALUES ('0'::xid), ('4294967295')`,
  cid: `VALUES ('0'::cid), ('4294967295')`,
  oidvector: `VALUES (''::oidvector), ('1'), ('1 4294967295')`,
  json: `VALUES ('null'::json), ('true'), ('1.10'), ('-0'), ('0e5'), ('1E+05'), ('1e-7'), ('12345678901234567890.10'), ('"a\\"b"'), ('"\\u00e9\\ud83d\\ude00\\\\u0000"'), ('[]'), ('{}'), (' [1 , 2]
  '), (E'{"a"\\t:\\r\\n [1, {"b": null}], "a": 2, "": ""}'), ('{"__proto__": 1, "x": {"": [[[]]]}}')`,
  jsonb: `VALUES ('null'::jsonb), ('true'), ('1.10'), ('1e300'), ('1e-300'), ('"a\\"b\\\\\\n"'), ('"\\u00e9\\ud83d\\ude00"'), ('[]'), ('{}'),
      ('{"b": [1, 2.0, {"c": "{,}"}], "a": null, "aa": "NULL"}')
    UNION ALL SELECT jsonb_build_object(md5(g::text), ARRAY[random(), g], 'n', (random() * 10 ^ g)::numeric) FROM generate_series(1, 30) g`,
  xml: `VALUES (''::xml), ('<a b="c">&lt;"\\</a>'), ('<?xml version="1.0" encoding="UTF-8"?><x>é</x>'), ('x,y')`,
  pg_node_tree: `SELECT adbin FROM pg_attrdef LIMIT 5`,
  pg_ndistinct: `SELECT stxdndistinct FROM pg_statistic_ext_data`,
  pg_dependencies: `SELECT stxddependencies FROM pg_statistic_ext_data`,
  pg_mcv_list: `SELECT stxdmcv FROM pg_statistic_ext_data`,
  xid8: `VALUES ('0'::xid8), ('18446744073709551615')`,
  point: `VALUES ('(0,0)'::point), ('(1.5,-2e-300)'), ('(Infinity,NaN)'), ('(1e300,0.1)')`,
  lseg: `VALUES ('[(0,0),(1,1)]'::lseg), ('[(1e20,-1),(0.1,0.2)]')`,
  path: `VALUES ('[(0,0),(1,1)]'::path), ('((0,0),(1,1),(2,0))')`,
  box: `VALUES ('(0,0),(1,1)'::box), ('(1e20,-1),(0.1,0.2)')`,
  circle: `VALUES ('<(0,0),1>'::circle), ('<(1e20,-0.5),1e-300>')`,
  polygon: `VALUES ('((0,0),(1,1),(2,0))'::polygon)`,
  line: `VALUES ('{1,2,3}'::line), ('{-1,0,1e20}')`,
  float4: `VALUES (0::float4), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'), (3.4028235e38), (1.17549435e-38), ('1e-45'), (1e20), (16777217), (0.1), (123456)
    UNION ALL SELECT ((random() - 0.5) * 10 ^ ((random() - 0.5) * 70))::float4 FROM generate_series(1, 300)`,
  float8: `VALUES (0::float8), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'), (1.7976931348623157e308), (2.2250738585072014e-308), ('5e-324'), (1e20), (1e15), (1e16), (9007199254740993), (0.1), (-1e-7)
    UNION ALL SELECT (random() - 0.5) * 10 ^ ((random() - 0.5) * 600) FROM generate_series(1, 500)`,
  money: `VALUES (0::money), ('-1234.56'), ('92233720368547758.07')`,
  macaddr: `VALUES ('08:00:2b:01:02:03'::macaddr)`,
  inet: `VALUES ('127.0.0.1'::inet), ('10.0.0.1/8'), ('::1'), ('2001:db8::1/64')`,
  cidr: `VALUES ('10.0.0.0/8'::cidr), ('2001:db8::/32')`,
  macaddr8: `VALUES ('08:00:2b:01:02:03:04:05'::macaddr8)`,
  aclitem: `VALUES ('postgres=r/postgres'::aclitem), ('=arwdDxt/postgres')`,
  bpchar: `VALUES (''::bpchar), ('ab   '), ('a"\\  '), ('{x')`,
  varchar: `VALUES (''::varchar), ('a"b,c\\'), ('ü'::varchar(3))`,
  date: `VALUES ('2024-02-29'::date), ('infinity'), ('-infinity'), ('4713-01-01 BC'), ('0001-12-31 BC'), ('0001-01-01'), ('9999-12-31'), ('10000-01-01'), ('5874897-12-31')
    UNION ALL SELECT '2000-01-01'::date + ((random() - 0.3) * 2400000)::int FROM generate_series(1, 100)`,
  time: `VALUES ('00:00'::time), ('24:00'), ('23:59:59.999999'), ('12:00:00.1')`,
  timestamp: `VALUES ('2024-02-29 12:00'::timestamp), ('infinity'), ('-infinity'), ('4713-01-01 00:00:00 BC'), ('0044-03-15 10:11:12.000001 BC'), ('0001-01-01'), ('9999-12-31 23:59:59.999999'), ('10000-01-01'), ('294276-12-31 23:59:59.999999'), ('2024-01-01 00:00:00.5')
    UNION ALL SELECT '2000-01-01'::timestamp + (random() - 0.3) * interval '20000 years' * g / 300 FROM generate_series(1, 300) g`,
  timestamptz: `VALUES ('2024-02-29 12:00+09'::timestamptz), ('infinity'), ('-infinity'), ('4713-01-02 00:00:00+00 BC'), ('0044-03-15 10:11:12.000001+00 BC'), ('0001-01-01+00'), ('9999-12-31 23:59:59.999999+00'), ('10000-01-01+00'), ('294276-12-31 23:59:59.999999+00'), ('2024-01-01 00:00:00.5+05:30'), ('1800-01-01+00')
    UNION ALL SELECT '2000-01-01'::timestamptz + (random() - 0.3) * interval '20000 years' * g / 300 FROM generate_series(1, 300) g`,
  interval: `VALUES ('0'::interval), ('1 year 2 mons -3 days 04:05:06.789'), ('-178000000 years'), ('-0.000001 seconds'), ('100000:00:00')`,
  timetz: `VALUES ('00:00+00'::timetz), ('24:00-15:59'), ('12:34:56.789+05:30:15')`,
  bit: `VALUES (B'0'), (B'101'), (B'1'::bit(70)::"bit")`,
  varbit: `VALUES (B''::varbit), (B'1010101')`,
  numeric: `VALUES (0::numeric), ('NaN'), ('Infinity'), ('-Infinity'), (1.10), (-0.00), (0.000000000000000000000000000001), (1e1000), (('1' || repeat('0', 131071))::numeric), (('0.' || repeat('0', 16382) || '1')::numeric)
    UNION ALL SELECT round(((random() - 0.5) * 10 ^ (random() * 30))::numeric, (random() * 20)::int) FROM generate_series(1, 300)
    UNION ALL SELECT ((random() - 0.5)::numeric * 10::numeric ^ (random() * 200 - 100)::int)::numeric FROM generate_series(1, 100)`,
  refcursor: `VALUES (''::refcursor), ('<unnamed portal 1>'), ('a"b')`,
  regprocedure: `VALUES ('now()'::regprocedure), ('array_append(anycompatiblearray,anycompatible)')`,
  regoper: `VALUES ('0'::regoper), ('pg_catalog.||/'::regoper)`,
  regoperator: `VALUES ('+(integer,integer)'::regoperator)`,
  regclass: `VALUES ('pg_class'::regclass), ('-'), ('"odd Schema"."odd "", Table"')`,
  regcollation: `VALUES ('"C"'::regcollation), ('"POSIX"')`,
  regtype: `VALUES ('integer'::regtype), ('timestamp with time zone'), ('text[]'), ('"char"')`,
  regrole: `VALUES ('postgres'::regrole), ('-')`,
  regnamespace: `VALUES ('pg_catalog'::regnamespace), ('"odd Schema"')`,
  regconfig: `VALUES ('english'::regconfig), ('simple')`,
  regdictionary: `VALUES ('english_stem'::regdictionary)`,
  regdatabase: `VALUES ('postgres'::regdatabase)`,
  uuid: `VALUES ('00000000-0000-0000-0000-000000000000'::uuid) UNION ALL SELECT gen_random_uuid() FROM generate_series(1, 10)`,
  pg_lsn: `VALUES ('0/0'::pg_lsn), ('FFFFFFFF/FFFFFFFF')`,
  tsvector: `VALUES (''::tsvector), ('a:1A,2B b'), ($$'it''s' 'a\\\\b' 'c"d'$$)`,
  tsquery: `VALUES (''::tsquery), ('a & (b | !c) <-> d:*A'), ($$'it''s\\\\'$$)`,
  txid_snapshot: `VALUES ('10:20:10,14,15'::txid_snapshot)`,
  pg_snapshot: `VALUES ('10:20:10,14,15'::pg_snapshot)`,
  jsonpath: `VALUES ('$'::jsonpath), ('strict $."a b"[*] ? (@ > 1 && @ like_regex "\\\\d")')`,
  int4range: `VALUES ('empty'::int4range), ('[1,5)'), ('(,)')`,
  int8range: `VALUES ('[1,9223372036854775807)'::int8range)`,
  numrange: `VALUES ('[1.10,2.50]'::numrange), ('(,NaN)')`,
  tsrange: `VALUES ('["2024-01-01 00:00","2024-01-02 00:00")'::tsrange), ('[,infinity]')`,
  tstzrange: `VALUES ('["2024-01-01 00:00+00","2024-01-02 00:00+09")'::tstzrange)`,
  daterange: `VALUES ('[2024-01-01,2024-02-01)'::daterange), ('[,infinity)')`,
  int4multirange: `VALUES ('{}'::int4multirange), ('{[1,5),[7,9)}')`,
  int8multirange: `VALUES ('{[1,5),[7,9)}'::int8multirange)`,
  nummultirange: `VALUES ('{[1.10,2.50],[3,)}'::nummultirange)`,
  tsmultirange: `VALUES ('{["2024-01-01 00:00","2024-01-02 00:00")}'::tsmultirange)`,
  tstzmultirange: `VALUES ('{["2024-01-01 00:00+00","2024-01-02 00:00+09")}'::tstzmultirange)`,
  datemultirange: `VALUES ('{[2024-01-01,2024-02-01)}'::datemultirange)`,
};

/** Types that nothing can give a value of (their input functions refuse): only null is compared. */
export const WITHOUT_VALUES: readonly string[] = [
  'gtsvector',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
];
