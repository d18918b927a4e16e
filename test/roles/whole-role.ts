import { lsn } from '@colophon/protocol';
import { beginSlot, openStore, PostgresBaselines, PostgresStore } from '@colophon/store';
import { type FakeSource, positionAfter, SOURCE } from '../store/fake-source.js';

// JSON by its form, which PostgreSQL refuses.
const NOT_JSON = '{"id":7,"title":"\\u12"}';
const CHUNK = {
  timeline: 1,
  lowLsn: lsn(1n),
  highLsn: lsn(2n),
  snapshot: '700:700:',
  takenAt: '2026-11-23 00:00:00+00',
};
let tables = 20_000;

/** Everything that `run`, `snapshot`, `init` and `status` do to a store as its consumer, each once. */
export async function consumeWholly(url: string, source: FakeSource): Promise<void> {
  const sink = new PostgresStore({ url, onUnstored: () => {} });
  try {
    await sink.open(SOURCE);
    await sink.recallRelations();
    const named = { schema: 'public', table: 'todo', rootSchema: null, rootTable: null, keyColumns: ['id'] };
    await sink.rememberRelations([{ ...named, oid: tables++ }]);
    await sink.accountedPosition();
    await sink.lastCommit();
    await sink.recallTransactions(lsn(1n), lsn(2n));
    await sink.recallNonces(60_000);
    await sink.recallPublished();
    const { systemIdentifier, timeline } = SOURCE;
    const looked = { earlierLsn: lsn(1n), lsn: lsn(2n), isTold: false, isWhole: true, tables: [] };
    await sink.notePublished({ publication: 'colophon', systemIdentifier, timeline, ...looked }, [
      { table: 'public.other', isWhole: false, timeline, lsn: lsn(1n) },
    ]);
    const publication = { name: 'colophon', table: 'public.todo', isWhole: false };
    const unsigned = source.transaction({ changes: [{}], ddl: [{ isOwnPublication: true, publication }] });
    const nonces = [{ signer: 'a test of rights', counter: tables, signedAtMs: Date.now() }];
    const good = { ...unsigned, end: { ...unsigned.end!, verified: [true], nonces } };
    const position = positionAfter(good);
    await sink.write([good]);
    await sink.flush(position);
    const accounted = {
      systemIdentifier: SOURCE.systemIdentifier,
      timeline: SOURCE.timeline,
      lsn: position.endLsn,
    };
    await sink.account(accounted);
    await sink.recordGaps(
      [
        {
          reason: 'slot-ahead',
          fromLsn: lsn(1n),
          toLsn: position.endLsn,
          fromTimeline: 1,
          toTimeline: 1,
          fromSystemIdentifier: SOURCE.systemIdentifier,
          toSystemIdentifier: SOURCE.systemIdentifier,
          tables: null,
          detail: 'For a test of rights.',
          approvedBy: null,
        },
      ],
      accounted,
    );
    const bad = source.transaction({ changes: [{ after: NOT_JSON }], ddl: [{}] });
    const store = async () => {
      await sink.write([bad]);
      await sink.flush(positionAfter(bad));
    };
    // It is refused once, and then put aside.
    await store().catch(async (error: unknown) => {
      if ((error as { code?: string }).code !== 'SINK_FAILED') throw error;
      await sink.open(SOURCE);
      await store();
    });
  } finally {
    await sink.close();
  }
  await beginSlot(url, { ...SOURCE, startLsn: lsn(1n), isNew: false, approvedBy: 'a test of rights' });
  const baselines = new PostgresBaselines({ url });
  try {
    await baselines.open(SOURCE);
    await baselines.begin({
      oid: tables++,
      schema: 'public',
      table: 'todo',
      partition: null,
      keyColumns: ['id'],
      columns: 'id int4',
    });
    await baselines.beginChunk(CHUNK);
    await baselines.write([{ key: '{"id":1}', primaryKey: '1', row: '{"id":1}' }]);
    await baselines.endChunk({ lastKey: ['1'], isLast: true });
  } finally {
    await baselines.close();
  }
  await statusOf(url);
}

/** All that a reader asks through the store's queries. */
export async function readWholly(url: string): Promise<void> {
  const store = await openStore(url);
  try {
    await store.changes({ limit: 1 });
    await store.ddl({ limit: 1 });
    const [newest] = (await store.baselines()).slice(-1);
    for await (const _ of store.baselineRows(newest?.baseline ?? 0)) break;
  } finally {
    await store.close();
  }
  await statusOf(url);
}

async function statusOf(url: string): Promise<void> {
  const store = await openStore(url);
  try {
    await store.status();
    await store.gaps();
    await store.baselines();
  } finally {
    await store.close();
  }
}
