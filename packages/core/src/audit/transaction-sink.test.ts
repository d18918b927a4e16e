import { lsn, type TransactionFacts, type TransactionPart } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { transactionSink } from './transaction-sink.js';

const facts = (commitLsn: bigint): TransactionFacts => ({
  systemIdentifier: '1',
  timeline: 1,
  xid: Number(commitLsn),
  commitLsn: lsn(commitLsn),
  committedAtMicros: 0n,
  receivedAtMs: 0,
});
const ddl = {
  command: 'CREATE TABLE',
  objectType: 'table',
  schema: 'public',
  identity: 'public.todo',
  oid: 16_400,
  isDrop: false,
  publication: null,
  role: 'kim',
  ordinal: 0,
  sequence: 0,
  position: lsn(1n),
  isOwnPublication: false,
  segment: 0,
};
const change = {
  relation: { oid: 16_400, schema: 'public', table: 'todo', partition: null, keyColumns: [] },
  operation: 'CREATE' as const,
  sequence: 0,
  position: lsn(2n),
  segment: 0,
  key: '{}',
  primaryKey: null,
  before: '{}',
  after: '{"id":1}',
  unchanged: [],
};
const ended = (commitLsn: bigint, part: Pick<TransactionPart, 'changes' | 'ddl'>): TransactionPart => ({
  facts: facts(commitLsn),
  end: { endLsn: lsn(commitLsn + 8n), contexts: ['{"user":1}'] },
  ...part,
});

it('passes over a transaction that changed the schema only, and gives the changes beside a command', async () => {
  const seen: unknown[] = [];
  const sink = transactionSink(async (transaction) => {
    for await (const { after, context } of transaction.changes) seen.push([transaction.xid, after, context]);
  });
  await sink.open({
    name: 'shop',
    environment: '',
    database: 'shop',
    systemIdentifier: '1',
    timeline: 1,
    slot: 'colophon',
  });
  await sink.write([
    ended(10n, { changes: [], ddl: [ddl] }),
    { facts: facts(20n), changes: [], ddl: [ddl], end: null },
    ended(20n, { changes: [change] }),
    ended(30n, { changes: [], ddl: [ddl] }),
  ]);
  await sink.close();
  expect(seen).toEqual([[20, { id: 1 }, { user: 1 }]]);
});
