import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayJson } from './array-value.js';
import { compositeFields } from './composite-value.js';
import { jsonString } from './json-string.js';
import { compileConverter, type TypeShape } from './json-value.js';
import { jsonbText } from './jsonb-text.js';
import { numericText } from './numeric-text.js';
import { TYPE } from './type-oid.js';

const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom(...'{}(),"\\ ;NUL\n'), fc.string({ unit: 'grapheme', maxLength: 1 })),
});

describe('arrays', () => {
  const COMMA = ','.charCodeAt(0);
  /** What array_out does, with every element quoted. */
  const arrayText = (value: unknown): string =>
    Array.isArray(value)
      ? `{${value.map(arrayText).join(',')}}`
      : value === null
        ? 'NULL'
        : `"${String(value).replace(/["\\]/g, '\\$&')}"`;

  it('of any texts come back, at any depth', () => {
    const element = fc.option(anyText, { nil: null });
    const arrays = fc.oneof(
      fc.array(element),
      fc.array(fc.array(fc.array(element, { minLength: 1 }), { minLength: 1 })),
    );
    fc.assert(
      fc.property(arrays, (array) => {
        expect(JSON.parse(arrayJson(arrayText(array), COMMA, jsonString))).toEqual(array);
        expect(JSON.parse(arrayJson(`[2:3]=${arrayText(array)}`, COMMA, jsonString))).toEqual(array);
      }),
    );
  });

  it('tell NULL from "NULL", and follow the delimiter', () => {
    expect(arrayJson('{NULL,"NULL",null}', COMMA, jsonString)).toBe('[null,"NULL","null"]');
    expect(arrayJson('{(1,2),(3,4);(5,6),(7,8)}', ';'.charCodeAt(0), jsonString)).toBe(
      '["(1,2),(3,4)","(5,6),(7,8)"]',
    );
  });
});

describe('composites', () => {
  it('of any texts come back', () => {
    const field = fc.option(anyText, { nil: null });
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), (fields) => {
        const quoted = fields.map((value) => (value === null ? '' : `"${value.replace(/["\\]/g, '$&$&')}"`));
        expect(compositeFields(`(${quoted.join(',')})`)).toEqual(fields);
      }),
    );
  });

  it('refuse what is none', () => {
    for (const text of ['', 'x', '(', '(a', '("a)', '("a"b)']) expect(compositeFields(text)).toBeNull();
  });

  it('give JSON even where the catalog has another type by now', () => {
    const ARRAY_OID = 2;
    const attributes = [...Object.values(TYPE), ARRAY_OID].map((typeOid, i) => ({ name: `a${i}`, typeOid }));
    const shape: TypeShape = { kind: 'composite', attributes, hasDropped: false };
    const array: TypeShape = { kind: 'array', elementOid: TYPE.int4, delimiter: ',' };
    const convert = compileConverter(1, {
      shapeOf: (oid) => (oid === 1 ? shape : oid === ARRAY_OID ? array : undefined),
    });
    fc.assert(
      fc.property(
        fc.array(anyText, { minLength: attributes.length, maxLength: attributes.length }),
        (values) => {
          const text = `(${values.map((value) => `"${value.replace(/["\\]/g, '$&$&')}"`).join(',')})`;
          expect(Object.keys(JSON.parse(convert(text)))).toHaveLength(attributes.length);
        },
      ),
    );
  });
});

describe('numericText', () => {
  it('writes out what an exponent means', () => {
    const cases: Record<string, string> = {
      '1e+20': '100000000000000000000',
      '1.5e-07': '0.00000015',
      '-1.25e1': '-12.5',
      '12.5e-1': '1.25',
      '-0': '0',
      '-0.00': '0.00',
      '0e5': '0',
      '0e-3': '0.000',
      '1.10': '1.10',
      '1.50e1': '15.0',
      '100e-2': '1.00',
      '9007199254740993': '9007199254740993',
    };
    for (const [from, to] of Object.entries(cases)) expect(numericText(from), from).toBe(to);
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(Number(numericText(String(value)))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});

describe('jsonbText', () => {
  it('holds the same value, with names in order of length and bytes', () => {
    expect(jsonbText('{"bb":[1,{"z":null}],"a":1e2,"é":true,"b":"\\u00e9\\n","a":2}')).toBe(
      '{"a": 2, "b": "é\\n", "bb": [1, {"z": null}], "é": true}',
    );
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const json = JSON.stringify(value);
        expect(JSON.parse(jsonbText(json))).toEqual(JSON.parse(json));
      }),
    );
  });
});
