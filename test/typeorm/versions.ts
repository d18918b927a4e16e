import * as typeorm1 from 'typeorm';
import * as typeorm03 from 'typeorm-0.3';

/** A version of TypeORM. Seen by the types of 1: what the tests call is in both. */
export type TypeOrm = typeof typeorm1;

export const VERSIONS: [name: string, typeorm: TypeOrm][] = [
  ['TypeORM 1', typeorm1],
  ['TypeORM 0.3', typeorm03 as unknown as TypeOrm],
];
