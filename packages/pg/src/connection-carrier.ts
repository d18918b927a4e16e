import type { ContextText } from '@colophon/protocol';
import { isOurs, readRow, takeAnswer } from './answers.js';
import { answersPrelude, copyPrelude } from './copy-prelude.js';
import { emissionMessages, statementMessages, statementName } from './emission-message.js';
import type { EmissionRights } from './emission-rights.js';
import type { WireShape } from './emission-shape.js';
import { type EmissionForm, emissionLiteral } from './emission-sql.js';
import {
  type BackendMessage,
  type ClientLike,
  type ConnectionLike,
  isPlain,
  type Submittable,
} from './node-postgres.js';
import { sendOriginal } from './original-query.js';
import { BARE, type Plan, plan, type Situation } from './plan.js';
import { planText, withoutLead } from './plan-text.js';
import type { Sign } from './sign-emissions.js';
import { type Classified, classify, type Statement } from './statement/classify.js';
import { LITERAL_COLUMN, TextMap } from './text-map.js';
import { advance, type Emission, FRESH, NAMELESS, type TransactionState } from './transaction-state.js';
import { Turn } from './turn.js';

/** A CALL or DO may commit inside, which would take a portal of ours along. */
const MAY_COMMIT = /^(?:call|do)\b/i;

/**
 * What one connection carries besides the application's messages. A query becomes a turn when it is submitted: only then is the transaction's
 * status true. The turn is planned at its first own message, whoever writes it, and ends at its ReadyForQuery.
 */
export class ConnectionCarrier {
  readonly client: ClientLike;
  readonly connection: ConnectionLike;
  readonly rights: EmissionRights;
  readonly shape: WireShape;
  /** Turns under way; more than one only in pipeline mode. */
  readonly turns: Turn[] = [];
  /** The turn that is being sent. */
  sending: Turn | null = null;
  /** Names of ours that are prepared on this connection. */
  readonly prepared: Set<string> = new Set();
  /** Whether this connection's own server process answered: no pooler stands between. */
  isDirect: boolean | undefined;
  standardConformingStrings: boolean | undefined;
  private armed: Turn | null = null;
  private status: string | undefined;
  private state: TransactionState = FRESH;
  private isHistoryKnown: boolean;
  /** Whether a name may have been emitted since the connection was last known to be idle. */
  private mayHoldNames: boolean;
  private onQuiet: (() => void) | null = null;

  private readonly sign: Sign | null;

  constructor(client: ClientLike, rights: EmissionRights, shape: WireShape, sign: Sign | null) {
    this.sign = sign;
    this.client = client;
    this.connection = client.connection;
    this.rights = rights;
    this.shape = shape;
    this.status = client._connected === true ? (client._txStatus ?? undefined) : 'I';
    this.isHistoryKnown = this.status === 'I';
    this.mayHoldNames = !this.isHistoryKnown;
  }

  /** Whether the next message may be a turn's first. */
  get isArmed(): boolean {
    return this.armed !== null;
  }

  /** The next query to be submitted; null where nothing about it matters. */
  arm(query: Submittable, context: ContextText | null): void {
    this.armed = context === null ? null : new Turn(query, this.rights.isRefused ? NAMELESS : context);
  }

  /** The armed query must wait for an emission that can't go out with it. Gives what sends that emission instead of submitting the query. */
  heldBack(): (() => void) | null {
    const turn = this.armed;
    if (turn === null || this.turns.length > 0) return null;
    const situation = { ...this.situation(), isCertain: this.isKnown };
    const emission = copyPrelude(turn.query, turn.context, situation, this.standardConformingStrings);
    if (emission === null) return null;
    return () => {
      this.armed = null;
      if (turn.context !== NAMELESS) this.mayHoldNames = true;
      turn.prelude = 'pending';
      turn.awaited = [emission];
      this.turns.push(turn);
      const form = this.rights.isGranted ? 'plain' : 'asking';
      const text = emissionLiteral(this.signed(emission), this.shape, form, LITERAL_COLUMN);
      sendOriginal(this.connection, text);
    };
  }

  /** Called before an own message of the extended protocol that may be a turn's first. */
  beginExtended(text: string | undefined): void {
    const turn = this.begin();
    if (turn === null || turn.isBare || text === undefined) return;
    const classified = classify(text, this.standardConformingStrings);
    const statement = classified.statements[0];
    if (!classified.single || statement === undefined) return;
    const before = this.carry(turn, text, statement);
    if (before === null) return;
    const { stream } = this.connection;
    if (!isPlain(turn.query) && stream.cork !== undefined) {
      // A cursor writes message by message: all of this tick's go out together.
      stream.cork();
      process.nextTick(() => stream.uncork?.());
    }
    stream.write(before);
  }

  /** Sends a text of the simple protocol with what belongs to it. False: it is to be sent as it is. */
  sendText(text: string): boolean {
    const turn = this.begin();
    if (turn === null || turn.isBare) return false;
    const classified = classify(text, this.standardConformingStrings);
    if (!classified.confident) return false;
    const statement = classified.statements[0];
    if (statement === undefined) return false;
    if (classified.single && statement.copy === undefined) {
      if (classified.hasParameters) return false;
      turn.isConverted = true;
      const before = this.carry(turn, text, statement);
      turn.isConverted = before !== null || turn.after !== null;
      if (!turn.isConverted) return false;
      turn.executes = 1;
      turn.isAfterSent = turn.after !== null;
      this.connection.stream.write(statementMessages(text, before, turn.after));
      return true;
    }
    return this.sendWithLiterals(turn, text, classified);
  }

  /** What must go out before a Sync. */
  beforeSync(): void {
    const turn = this.sending;
    if (turn === null || turn.after === null || turn.isAfterSent || turn.hasFailed) return;
    turn.isAfterSent = true;
    this.connection.stream.write(turn.after);
  }

  countExecute(): void {
    if (this.sending !== null) this.sending.executes++;
  }

  /** Takes an answer; true where it is ours, and nobody else may see it. */
  take(event: string, message: BackendMessage): boolean {
    const turn = this.turns[0];
    if (turn?.prelude === 'pending' && answersPrelude(event)) return this.takePrelude(turn, event, message);
    if (event === 'readyForQuery') return this.end(turn, message);
    if (event === 'parameterStatus') {
      if (message.parameterName === 'standard_conforming_strings') {
        this.standardConformingStrings = message.parameterValue === 'on';
      }
      return false;
    }
    return turn !== undefined && takeAnswer(this, turn, event, message);
  }

  /** Whether a raw message, seen before its own event, will be taken as ours. */
  foresees(message: BackendMessage): boolean {
    const turn = this.turns[0];
    if (turn === undefined) return false;
    if (turn.repeats !== null) return true;
    if (turn.prelude === 'pending') return answersPrelude('message', message);
    return isOurs(turn, message.name === 'error' ? 'errorMessage' : message.name, message);
  }

  /** DEALLOCATE ALL and DISCARD ALL take our prepared statements along; DEALLOCATE of one and DISCARD PLANS don't. */
  watchTag(tag: string | undefined): void {
    if (this.prepared.size > 0 && tag !== undefined && /^(?:DEALLOCATE|DISCARD) ALL$/.test(tag))
      this.prepared.clear();
  }

  /** The connection is gone. */
  close(): void {
    this.turns.length = 0;
    this.armed = null;
    this.sending = null;
    this.onQuiet?.();
    this.onQuiet = null;
  }

  /** Calls when nothing is under way. */
  whenQuiet(then: () => void): void {
    if (this.turns.length === 0) then();
    else this.onQuiet = then;
  }

  private begin(): Turn | null {
    const turn = this.armed;
    if (turn === null) {
      // Sent past the queue, or a second message of the turn: nothing begins.
      return null;
    }
    this.armed = null;
    if (turn.context !== NAMELESS) this.mayHoldNames = true;
    if (!turn.hasBegun) {
      turn.hasBegun = true;
      if (this.turns[0] !== turn) this.turns.push(turn);
    }
    this.sending = turn;
    return turn;
  }

  private get isKnown(): boolean {
    return this.status !== undefined && this.isHistoryKnown;
  }

  private situation(): Situation {
    const isCertain = this.turns.length === 1 && this.isKnown;
    const block = this.status === 'E' ? 'failed' : this.status === 'T' ? 'open' : 'idle';
    return { state: this.state, block, isCertain };
  }

  /** Plans one statement of the extended protocol: gives what goes before it, keeps in the turn what goes after. */
  private carry(turn: Turn, text: string, statement: Statement): Buffer | null {
    const situation = this.situation();
    // Without a name on the connection none can be taken by mistake: a pipelining client that never has one pays nothing.
    const isNobodys = turn.context === NAMELESS && !this.mayHoldNames;
    const { before, after }: Plan = isNobodys ? BARE : plan(statement.kind, turn.context, situation);
    if (before === null && after === null) {
      this.note(turn, statement, BARE);
      return null;
    }
    const isAlone =
      situation.isCertain &&
      situation.block === 'idle' &&
      isPlain(turn.query) &&
      this.client.pipeline !== true;
    const form = this.formFor(situation, isAlone);
    const binds =
      isAlone && after !== null && !MAY_COMMIT.test(text.slice(statement.start, statement.start + 5));
    turn.canRepeat = isAlone && (before !== null || binds);
    this.note(turn, statement, { before, after });
    const pieces: Buffer[] = [];
    if (before !== null) {
      turn.beforeLeft += 2;
      pieces.push(this.messages(turn, before, form, false));
    }
    if (after !== null) {
      if (binds) {
        turn.beforeLeft += 1;
        pieces.push(this.messages(turn, after, form, true));
        turn.after = emissionMessages(after, this.shape, form, {
          parse: false,
          bind: false,
          execute: true,
          ownPortal: true,
        });
      } else {
        const unnamed = form === 'named' ? 'plain' : form;
        turn.after = this.messages(turn, after, unnamed, false);
      }
    }
    if (pieces.length === 0) return null;
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** An emission in a transaction of the application's must not fail; alone it may, since the statement can be sent again. */
  private formFor(situation: Situation, isAlone: boolean): EmissionForm {
    if (!this.rights.isGranted) return 'asking';
    if (isAlone) return this.isDirect === true ? 'named' : 'plain';
    return situation.block === 'idle' && situation.isCertain ? 'asking' : 'plain';
  }

  /** `isLater`: bound to a portal of its own now, run after the statement. */
  private messages(turn: Turn, emission: Emission, form: EmissionForm, isLater: boolean): Buffer {
    let parse = true;
    if (form === 'named') {
      const name = statementName(emission);
      parse = !this.prepared.has(name);
      if (parse) turn.preparing = name;
    }
    return emissionMessages(this.signed(emission), this.shape, form, {
      parse,
      bind: true,
      execute: !isLater,
      ownPortal: isLater,
    });
  }

  /** An emission as it goes out. What is known of the transaction goes by the emission as it was planned. */
  private signed(emission: Emission): Emission {
    if (this.sign === null) return emission;
    const context = this.sign(this.client, this.shape.prefixOf(emission), emission.context);
    return { ...emission, context };
  }

  private note(turn: Turn, statement: Statement, { before, after }: Plan): void {
    if (before !== null) {
      turn.awaited.push(before);
      turn.steps.push({ type: 'insertion', emission: before });
    }
    if (turn.context === NAMELESS && (statement.kind === 'write' || statement.kind === 'unknown')) {
      turn.steps.push({ type: 'nameless-write' });
    }
    if (after !== null) {
      turn.awaited.push(after);
      turn.steps.push({ type: 'insertion', emission: after });
    }
    if (statement.effect !== undefined) turn.steps.push({ type: 'effect', effect: statement.effect });
  }

  private sendWithLiterals(turn: Turn, text: string, classified: Classified): boolean {
    const situation = this.situation();
    const planned = planText(classified, turn.context, situation);
    const { insertions, steps } =
      turn.prelude === null ? planned : withoutLead(planned, turn.prelude === 'made');
    turn.steps = [...steps];
    if (insertions.length === 0) return false;
    const isIdle = situation.block === 'idle' && situation.isCertain;
    const canRepeat =
      isIdle &&
      isPlain(turn.query) &&
      this.client.pipeline !== true &&
      insertions[0]!.at === classified.statements[0]!.start;
    const isSafe = this.rights.isGranted && (!isIdle || canRepeat);
    turn.canRepeat = canRepeat;
    turn.awaited = insertions.map((insertion) => insertion.emission);
    const sent = insertions.map(({ at, emission }) => ({ at, emission: this.signed(emission) }));
    turn.text = new TextMap(text, sent, this.shape, isSafe ? 'plain' : 'asking');
    sendOriginal(this.connection, turn.text.text);
    return true;
  }

  private end(turn: Turn | undefined, message: BackendMessage): boolean {
    if (turn !== undefined && turn.repeats !== null) {
      this.repeat(turn);
      return true;
    }
    this.status = message.status;
    if (turn !== undefined) {
      this.turns.shift();
      if (this.sending === turn) this.sending = null;
      for (const step of turn.steps) {
        if (step.type === 'insertion') {
          const { emission } = step;
          const wasMade = turn.made.includes(emission);
          this.state = advance(this.state, { type: 'emission', context: emission.context, wasMade });
        } else if (!turn.hasFailed || step.type === 'nameless-write') {
          this.state = advance(this.state, step);
        }
      }
      if (turn.hasFailed) this.state = advance(this.state, { type: 'failure' });
    }
    if (message.status === 'I') {
      this.state = FRESH;
      this.isHistoryKnown = true;
      if (this.turns.length === 0) this.mayHoldNames = false;
    }
    if (this.turns.length === 0 && this.onQuiet !== null) {
      // After this message: it is still the application's.
      process.nextTick(this.onQuiet);
      this.onQuiet = null;
    }
    return false;
  }

  private takePrelude(turn: Turn, event: string, message: BackendMessage): boolean {
    if (event === 'dataRow') readRow(this, turn, message);
    if (event === 'errorMessage') turn.hasFailed = true;
    if (event !== 'readyForQuery') return true;
    const { context } = turn.awaited[0]!;
    const wasMade = turn.made.length > 0 && !turn.hasFailed;
    this.status = message.status;
    this.state = advance(this.state, { type: 'emission', context, wasMade });
    if (turn.hasFailed) this.state = advance(this.state, { type: 'failure' });
    this.turns.shift();
    turn.reset();
    turn.prelude = wasMade ? 'made' : 'not made';
    this.armed = turn;
    turn.query.submit(this.connection);
    return true;
  }

  /** The emission alone was refused, and the statement never ran: once more. */
  private repeat(turn: Turn): void {
    const { query, connection } = { query: turn.query, connection: this.connection };
    if (typeof query.name === 'string' && connection.submittedNamedStatements !== undefined) {
      delete connection.submittedNamedStatements[query.name];
    }
    turn.reset();
    this.armed = turn;
    query.submit(connection);
  }
}
