import type { ChosenTable } from './choose-tables.js';
import type { RememberedTable } from './memory.js';
import { rememberedTable } from './remembered-table.js';
import type { RelationState, SourceState } from './source-state.js';

/**
 * What is to be remembered before the chosen tables are changed: what is known already, as it stands in this database
 * now, and what is new. Null where nothing is new.
 */
export function rememberTables(
  state: SourceState,
  chosen: readonly ChosenTable[],
  toPublish: readonly ChosenTable[],
): RememberedTable[] | null {
  const tables = new Map(knownTables(state).map((table) => [table.oid, table]));
  let isNew = false;
  const remember = (relation: RelationState, isAdded: boolean): void => {
    const known = tables.get(relation.oid);
    if (known !== undefined && (known.isAdded || !isAdded)) return;
    isNew = true;
    const { schema, name, oid } = relation;
    const identity = known?.identity ?? relation.identity;
    const index = known === undefined ? relation.identityIndex : known.index;
    tables.set(oid, { schema, name, oid, identity, index, isAdded });
  };
  for (const table of chosen) {
    for (const { relation, wanted } of table.identities) {
      if (relation.identity !== wanted) remember(relation, false);
    }
  }
  for (const { relation } of toPublish) remember(relation, true);
  return isNew ? [...tables.values()].sort((a, b) => a.oid - b.oid) : null;
}

/** What is remembered already, as it stands in this database now. */
export function knownTables(state: SourceState): RememberedTable[] {
  return state.relations.flatMap((relation) => {
    const known = rememberedTable(state, relation);
    const { oid, schema, name } = relation;
    return known === undefined ? [] : [{ ...known, oid, schema, name }];
  });
}
