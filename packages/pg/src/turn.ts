import type { ContextText } from '@colophon/protocol';
import type { Submittable } from './node-postgres.js';
import type { TextStep } from './plan-text.js';
import type { TextMap } from './text-map.js';
import type { Emission } from './transaction-state.js';

/** One query from its submission to its ReadyForQuery, with what of the answers to it is ours. */
export class Turn {
  readonly query: Submittable;
  /** The context of who asked for the query. */
  readonly context: ContextText;

  /** Whether its first message has gone out, and with it what leads it. */
  hasBegun = false;
  /** Sent as it is: what it would have emitted was refused. */
  isBare = false;
  /** What happens to the transaction's state when it ends well. */
  steps: TextStep[] = [];

  /** Emissions whose outcome is awaited, in the order of their answers. */
  awaited: Emission[] = [];
  /** Those of them that were made. */
  readonly made: Emission[] = [];

  /** The statement of ours that this turn prepares. */
  preparing: string | null = null;
  /** Answers still to come that end a message of ours before the statement's first: BindComplete, CommandComplete. */
  beforeLeft = 0;
  /** What goes out after the statement, before its Sync. */
  after: Buffer | null = null;
  isAfterSent = false;
  /** Execute messages of the statement itself, and how many have been answered. */
  executes = 0;
  completions = 0;
  /** Turned from a simple Query into Parse, Bind, Describe, Execute: answers that a simple Query doesn't have are dropped. */
  isConverted = false;

  /** The literals in a text of the simple protocol. */
  text: TextMap | null = null;
  /** Whether the answers of a literal are coming just now. */
  isInLiteral = false;

  /** Whether it can be sent once more without the emission, should that be refused. */
  canRepeat = false;
  /** At the coming ReadyForQuery: as the application gave it, or with an emission that needs no prepared statement. */
  repeats: 'bare' | 'unprepared' | null = null;
  hasFailed = false;

  /** The emission that goes ahead in a round trip of its own: under way, then made or not. */
  prelude: 'pending' | 'made' | 'not made' | null = null;

  constructor(query: Submittable, context: ContextText) {
    this.query = query;
    this.context = context;
  }

  /** Back to before it was sent. */
  reset(): void {
    this.hasBegun = false;
    this.isBare = this.repeats === 'bare';
    this.steps = [];
    this.awaited = [];
    this.made.length = 0;
    this.preparing = null;
    this.beforeLeft = 0;
    this.after = null;
    this.isAfterSent = false;
    this.executes = 0;
    this.completions = 0;
    this.isConverted = false;
    this.text = null;
    this.isInLiteral = false;
    this.canRepeat = false;
    this.repeats = null;
    this.hasFailed = false;
  }
}
