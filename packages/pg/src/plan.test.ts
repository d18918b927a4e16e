import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from './plan.js';
import type { StatementKind } from './statement/classify.js';
import {
  advance,
  type Emission,
  FRESH,
  NAMELESS,
  type Step,
  type TransactionState,
} from './transaction-state.js';

/** What a client does; `writes` is what only the server knows: whether a statement that may write did. */
type Action =
  | { do: 'statement'; kind: StatementKind; context: string; writes: boolean; fails: boolean }
  | { do: 'savepoint' }
  | { do: 'rollback-to' }
  | { do: 'commit' }
  | { do: 'rollback' }
  | { do: 'chain' }
  | { do: 'begin' };

type Entry = { row: string } | { emission: Emission };

/** A server and a client with one connection, as far as emissions go. */
class Model {
  committed: Entry[][] = [];
  private log: Entry[] = [];
  private savepoint = -1;
  private hasId = false;
  private block: 'idle' | 'open' | 'failed' = 'idle';
  private state: TransactionState = FRESH;

  /** `pipelining`: nothing is known of what is still under way. */
  constructor(private readonly pipelining: boolean) {}

  run(action: Action): void {
    switch (action.do) {
      case 'begin':
        if (this.block === 'idle') this.block = 'open';
        return;
      case 'savepoint':
        if (this.block === 'open') this.savepoint = this.log.length;
        return;
      case 'rollback-to':
        if (this.block === 'idle' || this.savepoint < 0) return;
        this.log.length = this.savepoint;
        this.block = 'open';
        this.note({ type: 'effect', effect: 'rollback-to' });
        return;
      case 'commit':
      case 'chain':
      case 'rollback':
        if (this.block === 'idle') return;
        this.end(this.block === 'open' && action.do !== 'rollback');
        if (action.do === 'chain') this.block = 'open';
        this.note({ type: 'effect', effect: action.do === 'chain' ? 'chain' : 'end' });
        return;
      case 'statement':
        this.statement(action);
    }
  }

  finish(): void {
    if (this.block !== 'idle') this.end(this.block === 'open');
  }

  private statement({ kind, context, writes, fails }: Action & { do: 'statement' }): void {
    const isCertain = !this.pipelining;
    const { before, after } = plan(kind, context, { state: this.state, block: this.block, isCertain });
    if (this.block === 'failed') return;
    const isAlone = this.block === 'idle';
    const start = this.log.length;
    if (before !== null) this.emit(before);
    if (context === NAMELESS && (kind === 'write' || kind === 'unknown'))
      this.note({ type: 'nameless-write' });
    if (fails) {
      if (isAlone) this.end(false);
      else this.block = 'failed';
      this.note({ type: 'failure' });
      this.log.length = Math.min(this.log.length, isAlone ? 0 : start);
      return;
    }
    if (kind === 'write' || (kind === 'unknown' && writes)) {
      this.log.push({ row: context });
      this.hasId = true;
    }
    if (after !== null) this.emit(after);
    if (isAlone) {
      this.end(true);
      this.state = FRESH;
    }
  }

  private emit(emission: Emission): void {
    const wasMade = !emission.onlyIfAssigned || this.hasId;
    if (wasMade) {
      this.log.push({ emission });
      this.hasId = true;
    }
    this.note({ type: 'emission', context: emission.context, wasMade });
  }

  private note(step: Step): void {
    this.state = advance(this.state, step);
  }

  private end(commits: boolean): void {
    if (commits) this.committed.push(this.log);
    this.log = [];
    this.savepoint = -1;
    this.hasId = false;
    this.block = 'idle';
  }
}

/** The consumer's rule. */
function stitch(log: readonly Entry[]): string[] {
  return log.flatMap((entry, at) => {
    if (!('row' in entry)) return [];
    const next = log.slice(at).find((later) => 'emission' in later) as { emission: Emission } | undefined;
    if (next?.emission.kind === 'trail') return [next.emission.context];
    const last = log.slice(0, at).findLast((earlier) => 'emission' in earlier) as
      | { emission: Emission }
      | undefined;
    return [last?.emission.context ?? NAMELESS];
  });
}

const context = fc.constantFrom('{"user":1}', '{"user":2}', '{"user":3}', NAMELESS);
const kind = fc.constantFrom<StatementKind>('read', 'write', 'write', 'unknown', 'unknown', 'alone');
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('statement' as const),
      kind,
      context,
      writes: fc.boolean(),
      fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('begin', 'savepoint', 'rollback-to', 'commit', 'rollback', 'chain'),
    }) as fc.Arbitrary<Action>,
  },
);

describe('plan', () => {
  for (const pipelining of [false, true]) {
    it(`gives each change exactly its caller's context${pipelining ? ', not knowing the state' : ''}`, () => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
          const model = new Model(pipelining);
          for (const each of actions) model.run(each);
          model.finish();
          for (const log of model.committed) {
            expect(stitch(log)).toEqual(log.flatMap((entry) => ('row' in entry ? [entry.row] : [])));
          }
        }),
        { numRuns: 3000 },
      );
    });
  }

  it('gives a read no transaction id, and a write no second emission of the same context', () => {
    const open = { block: 'open' as const, isCertain: true };
    expect(plan('unknown', '{"a":1}', { ...open, state: FRESH })).toEqual({
      before: null,
      after: { kind: 'trail', context: '{"a":1}', onlyIfAssigned: true },
    });
    const emitted = advance(FRESH, { type: 'emission', context: '{"a":1}', wasMade: true });
    expect(plan('write', '{"a":1}', { ...open, state: emitted })).toEqual({ before: null, after: null });
    expect(plan('unknown', '{"a":1}', { ...open, state: emitted })).toEqual({ before: null, after: null });
    expect(plan('write', '{"a":1}', { block: 'failed', isCertain: true, state: emitted }).before).toBeNull();
  });
});
