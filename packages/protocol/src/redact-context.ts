import type { ContextText } from './context.js';
import { ColophonError } from './error.js';
import { jsonItems, jsonMembers } from './json-members.js';
import type { JsonText } from './json-text.js';
import {
  type Redaction,
  type RedactionKey,
  type RedactionRule,
  redactedJson,
  redactionOf,
  stricter,
} from './redaction.js';

interface PathRule {
  readonly segments: readonly string[];
  readonly redaction: Redaction;
}

/** A rule, and how many of its segments have been passed. */
interface Step {
  readonly rule: PathRule;
  readonly at: number;
}

/**
 * Makes a function that redacts contexts by path; null where there is no rule. A path is keys with dots between
 * (`headers.authorization`), `*` is any key. Lists are looked through: `users.email` is that of each. A key that itself
 * has dots is met too. Throws `INVALID_OPTION`.
 */
export function contextRedactor(
  rules: Readonly<Record<string, RedactionRule>>,
  key?: RedactionKey,
): ((text: ContextText) => ContextText) | null {
  const paths = Object.entries(rules).map(([path, rule]): PathRule => {
    const segments = path.split('.');
    if (segments.includes('')) {
      throw new ColophonError(
        'INVALID_OPTION',
        `The context path ${JSON.stringify(path)} has an empty part.`,
      );
    }
    return { segments, redaction: redactionOf(rule, key, `The rule for the context's ${path}`) };
  });
  if (paths.length === 0) return null;
  const start = paths.map((rule): Step => ({ rule, at: 0 }));
  const heads = paths.map(({ segments }) => segments[0]!);
  const isWild = heads.includes('*');
  return (text) => {
    // Most contexts have nothing to hide. An escape might hide a name.
    if (!isWild && !text.includes('\\') && !heads.some((head) => text.includes(head))) return text;
    return redactObject(text, start);
  };
}

function redactObject(json: JsonText, steps: readonly Step[]): JsonText {
  let isChanged = false;
  const members: string[] = [];
  for (const [name, value] of jsonMembers(json)) {
    const redacted = redactValue(value, stepsInto(name, steps));
    if (redacted !== value) isChanged = true;
    if (redacted !== null) members.push(`${JSON.stringify(name)}:${redacted}`);
  }
  return isChanged ? `{${members.join(',')}}` : json;
}

function redactList(json: JsonText, steps: readonly Step[]): JsonText {
  const within = [...steps];
  for (const { rule, at } of steps) if (rule.segments[at] === '*') add(within, rule, at + 1);
  const items = jsonItems(json);
  const redacted = items.map((item) => redactValue(item, within));
  if (redacted.every((item, index) => item === items[index])) return json;
  return `[${redacted.filter((item) => item !== null).join(',')}]`;
}

/** Null: it is dropped. */
function redactValue(json: JsonText, steps: readonly Step[]): JsonText | null {
  if (steps.length === 0) return json;
  const met = steps.filter(({ rule, at }) => at === rule.segments.length).map(({ rule }) => rule.redaction);
  if (met.length > 0) {
    const { replace } = met.reduce(stricter);
    return replace === null ? null : redactedJson(json, replace);
  }
  if (json.startsWith('{')) return redactObject(json, steps);
  if (json.startsWith('[')) return redactList(json, steps);
  return json;
}

function stepsInto(name: string, steps: readonly Step[]): Step[] {
  const into: Step[] = [];
  const parts = name.includes('.') ? name.split('.') : null;
  for (const { rule, at } of steps) {
    const { segments } = rule;
    if (segments[at] === '*' || segments[at] === name) add(into, rule, at + 1);
    if (parts === null) continue;
    for (let end = at + 2; end <= segments.length; end++) {
      if (isMet(segments.slice(at, end), parts)) add(into, rule, end);
    }
  }
  return into;
}

/** Once each: in lists within lists those of a path with several `*` would be without number. */
function add(steps: Step[], rule: PathRule, at: number): void {
  if (!steps.some((step) => step.rule === rule && step.at === at)) steps.push({ rule, at });
}

/** Whether a key with dots is met by a piece of a path, in which `*` is one part of the key or more. */
function isMet(path: readonly string[], parts: readonly string[]): boolean {
  let at = 0;
  let wildAt = -1;
  let wildEnd = 0;
  for (let part = 0; part < parts.length; ) {
    if (path[at] === '*') {
      wildAt = at++;
      wildEnd = ++part;
    } else if (at < path.length && path[at] === parts[part]) {
      at++;
      part++;
    } else if (wildAt >= 0) {
      // The last wildcard takes one part more.
      at = wildAt + 1;
      part = ++wildEnd;
    } else return false;
  }
  return at === path.length;
}
