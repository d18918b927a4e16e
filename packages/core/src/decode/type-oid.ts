/** The built-in types that are treated on their own: their oids never change. */
export const TYPE: Readonly<
  Record<
    | 'bool'
    | 'bytea'
    | 'int8'
    | 'int2'
    | 'int2vector'
    | 'int4'
    | 'oid'
    | 'oidvector'
    | 'json'
    | 'float4'
    | 'float8'
    | 'date'
    | 'time'
    | 'timestamp'
    | 'timestamptz'
    | 'timetz'
    | 'numeric'
    | 'uuid'
    | 'jsonb',
    number
  >
> = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int2vector: 22,
  int4: 23,
  oid: 26,
  oidvector: 30,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  timetz: 1266,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
};
