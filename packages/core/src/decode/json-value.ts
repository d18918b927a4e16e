import type { JsonText } from '@colophon/protocol';
import { arrayJson, vectorJson } from './array-value.js';
import { compositeFields, compositeJson } from './composite-value.js';
import { jsonbValue, jsonValue } from './embedded-json.js';
import { jsonString } from './json-string.js';
import { timestampJson, timestamptzJson } from './timestamp-value.js';
import { TYPE } from './type-oid.js';

/** Makes of a value's text, as PostgreSQL's output function gives it, the JSON that `to_jsonb` gives for the value. */
export type Converter = (text: string) => JsonText;

/** An attribute of a composite type. */
interface Attribute {
  readonly name: string;
  readonly typeOid: number;
}

/** A type as the source's catalog has it; what it needs of `pg_type`. */
export type TypeShape =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'domain'; readonly baseOid: number }
  | { readonly kind: 'array'; readonly elementOid: number; readonly delimiter: string }
  | { readonly kind: 'vector'; readonly elementOid: number }
  | { readonly kind: 'composite'; readonly attributes: readonly Attribute[]; readonly hasDropped: boolean };

/** The types that are known so far. A composite's shape may be replaced by a newer one at any time. */
export interface TypeLookup {
  shapeOf(oid: number): TypeShape | undefined;
}

/** The first letters of NaN and Infinity decide it for PostgreSQL, too. */
const NOT_FINITE = /[Nn]/;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** `int2`, `int4`, `int8`: the digits, all of them. */
export const integerJson: Converter = (text) => text;

/** `float4`, `float8`, `numeric`: the digits; NaN and the infinities, which JSON has no numbers for, as strings. */
export const numberJson: Converter = (text) => (NOT_FINITE.test(text) ? `"${text}"` : text);

/** `bool`. */
export const booleanJson: Converter = (text) => (text === 't' ? 'true' : 'false');

const BUILT_IN: ReadonlyMap<number, Converter> = new Map([
  [TYPE.bool, booleanJson],
  [TYPE.int2, integerJson],
  [TYPE.int4, integerJson],
  [TYPE.int8, integerJson],
  [TYPE.float4, numberJson],
  [TYPE.float8, numberJson],
  [TYPE.numeric, numberJson],
  [TYPE.timestamp, timestampJson],
  [TYPE.timestamptz, timestamptzJson],
  [TYPE.json, jsonValue],
  [TYPE.jsonb, jsonbValue],
]);

// An attribute's type may have been changed after the value was written; what comes out must be JSON all the same.
const guardedNumber: Converter = (text) => (NUMBER.test(text) ? text : jsonString(text));
const guardedBoolean: Converter = (text) =>
  text === 't' || text === 'f' ? booleanJson(text) : jsonString(text);
const TIME = /^[\w\d :.+-]*$/;
function guardedTime(convert: Converter): Converter {
  return (text) => (TIME.test(text) ? convert(text) : jsonString(text));
}
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
function guardedJson(convert: Converter): Converter {
  return (text) => (isJson(text) ? convert(text) : jsonString(text));
}
function guardedArray(convert: Converter): Converter {
  return (text) => {
    const json = /^[[{]/.test(text) ? convert(text) : '';
    return isJson(json) ? json : jsonString(text);
  };
}
const GUARDED: ReadonlyMap<number, Converter> = new Map([
  [TYPE.bool, guardedBoolean],
  [TYPE.int2, guardedNumber],
  [TYPE.int4, guardedNumber],
  [TYPE.int8, guardedNumber],
  [TYPE.float4, guardedNumber],
  [TYPE.float8, guardedNumber],
  [TYPE.numeric, guardedNumber],
  [TYPE.timestamp, guardedTime(timestampJson)],
  [TYPE.timestamptz, guardedTime(timestamptzJson)],
  [TYPE.json, guardedJson(jsonValue)],
  [TYPE.jsonb, guardedJson(jsonbValue)],
]);

/**
 * The converter of a type, from its text to what `to_jsonb` gives. Types that `to_jsonb` gives as text, types of
 * extensions, and types that are gone from the catalog: a JSON string of the text.
 */
export function compileConverter(oid: number, types: TypeLookup): Converter {
  return compile(oid, types, false);
}

function compile(oid: number, types: TypeLookup, isInComposite: boolean): Converter {
  const builtIn = (isInComposite ? GUARDED.get(oid) : undefined) ?? BUILT_IN.get(oid);
  if (builtIn !== undefined) return builtIn;
  const shape = types.shapeOf(oid);
  switch (shape?.kind) {
    case 'domain':
      return compile(shape.baseOid, types, isInComposite);
    case 'array': {
      const element = compile(shape.elementOid, types, isInComposite);
      const delimiter = shape.delimiter.charCodeAt(0);
      const convert: Converter = (text) => arrayJson(text, delimiter, element);
      return isInComposite ? guardedArray(convert) : convert;
    }
    case 'vector': {
      const element = compile(shape.elementOid, types, isInComposite);
      return (text) => vectorJson(text, element);
    }
    case 'composite':
      return compileComposite(oid, types);
    default:
      return jsonString;
  }
}

interface CompiledComposite {
  readonly shape: TypeShape;
  readonly names: readonly string[];
  readonly converters: readonly Converter[];
}

/** Compiled at the first value, and again whenever the catalog's shape is another: a type may even hold an array of itself. */
function compileComposite(oid: number, types: TypeLookup): Converter {
  let compiled: CompiledComposite | undefined;
  return (text) => {
    const shape = types.shapeOf(oid);
    const fields = compositeFields(text);
    if (shape?.kind !== 'composite' || fields === null) return jsonString(text);
    if (compiled?.shape !== shape) {
      compiled = {
        shape,
        names: shape.attributes.map(({ name }) => `${JSON.stringify(name)}:`),
        converters: shape.attributes.map(({ typeOid }) => compile(typeOid, types, true)),
      };
    }
    const { names, converters } = compiled;
    if (names.length === 0 && text === '()') return '{}';
    if (fields.length !== names.length) {
      // Altered since. Attributes are only ever added at the end, so without a dropped one these are the first.
      if (fields.length > names.length || shape.hasDropped) return jsonString(text);
    }
    return compositeJson(
      names.slice(0, fields.length),
      fields.map((field, i) => (field === null ? 'null' : converters[i]!(field))),
    );
  };
}
