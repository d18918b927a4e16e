import { type CatalogQuery, TYPES_QUERY, type TypeRow } from './catalog-query.js';
import { type Converter, compileConverter, type TypeLookup, type TypeShape } from './json-value.js';

// Below it are types that came with the server (FirstNormalObjectId): never altered, never dropped.
const FIRST_USER_OID = 16_384;

/** The source's types, loaded as they are met, each with its converter. */
export class TypeCatalog implements TypeLookup {
  private readonly query: CatalogQuery;
  private readonly shapes = new Map<number, TypeShape>();
  private readonly converters = new Map<number, Converter>();

  constructor(query: CatalogQuery) {
    this.query = query;
  }

  /** Loads those of the types, with all that they are made of, that aren't known yet. */
  async load(oids: Iterable<number>): Promise<void> {
    const unknown = [...new Set(oids)].filter((oid) => !this.shapes.has(oid));
    if (unknown.length > 0) await this.fetch(unknown);
  }

  /** Loads the composite types among those known again, as they are today. */
  async refresh(): Promise<void> {
    const composites = [...this.shapes].filter(([, shape]) => shape.kind === 'composite');
    if (composites.length > 0) await this.fetch(composites.map(([oid]) => oid));
  }

  shapeOf(oid: number): TypeShape | undefined {
    return this.shapes.get(oid);
  }

  /** The converter of a loaded type. */
  converterOf(oid: number): Converter {
    let converter = this.converters.get(oid);
    if (converter === undefined) {
      converter = compileConverter(oid, this);
      if (this.shapes.has(oid)) this.converters.set(oid, converter);
    }
    return converter;
  }

  /** Whether values of the type can change their form without a new relation message: a composite is in it. */
  holdsComposite(oid: number): boolean {
    const shape = this.shapes.get(oid);
    if (shape?.kind === 'composite') return true;
    if (shape?.kind === 'domain') return this.holdsComposite(shape.baseOid);
    return shape?.kind === 'array' && this.holdsComposite(shape.elementOid);
  }

  private async fetch(oids: readonly number[]): Promise<void> {
    for (const row of await this.query<TypeRow>(TYPES_QUERY, [oids])) {
      const shape = shapeOf(row);
      // The same object as long as it is the same shape: converters notice an alteration by it.
      if (JSON.stringify(shape) !== JSON.stringify(this.shapes.get(row.oid))) this.shapes.set(row.oid, shape);
    }
    for (const oid of oids) {
      // Dropped since: its values stay text. Not kept for user types, in whose oid's place another may come.
      if (oid < FIRST_USER_OID && !this.shapes.has(oid)) this.shapes.set(oid, { kind: 'scalar' });
    }
  }
}

function shapeOf(row: TypeRow): TypeShape {
  if (row.typtype === 'd') return { kind: 'domain', baseOid: row.baseOid };
  if (row.typtype === 'c') {
    return { kind: 'composite', attributes: row.attributes, hasDropped: row.hasDropped };
  }
  if (row.isArray && row.output === 'array_out') {
    return { kind: 'array', elementOid: row.elementOid, delimiter: row.elementDelimiter ?? ',' };
  }
  if (row.isArray && (row.output === 'int2vectorout' || row.output === 'oidvectorout')) {
    return { kind: 'vector', elementOid: row.elementOid };
  }
  return { kind: 'scalar' };
}
