import { redact } from '@colophon/setup';
import picocolors from 'picocolors';
import type { JsonLog } from './log/json-log.js';
import { LOG_LEVELS, type LogFacts, type LogLevel } from './log/log-facts.js';

/** Colours for one stream: all of them plain text where it has none. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where a command writes: data to `out`, talk to `talk`. Passwords never get through. */
export interface Terminal {
  /** Columns of the terminal that data goes to; 80 where it isn't one. */
  readonly columns: number;
  readonly isOutTerminal: boolean;
  /** Whether somebody can be asked. */
  readonly isInteractive: boolean;
  readonly colors: Colors;
  readonly talkColors: Colors;
  /** Writes data; resolves when there is room for more. */
  out(text: string): Promise<void>;
  /** Writes a line of talk; the facts are for programs, and shown only where talk is JSON. */
  talk(line: string, facts?: LogFacts): void;
  /** Shows where long work stands: a line rewritten in place on a terminal, else a line now and then. Null ends it. */
  progress(line: string | null, facts?: LogFacts): void;
  /** From now on talk is of this level at least, and in this form. */
  talkAs(form: 'text' | 'json', level: LogLevel): Promise<void>;
  /** Whether talk is JSON. */
  readonly isJson: boolean;
  /** Texts that are never written, whatever says them. */
  hide(secrets: readonly string[]): void;
  /** The text without what is never written. */
  clean(text: string): string;
  /** Resolves when all is written. */
  flush(): Promise<void>;
}

const PLAIN_PROGRESS_MS = 5_000;

/** The process's own terminal. `NO_COLOR` and `FORCE_COLOR` count. */
export function createTerminal(process: NodeJS.Process): Terminal {
  const { stdin, stdout, stderr, env } = process;
  const secrets = new Set<string>();
  let isProgressShown = false;
  let log: JsonLog | null = null;
  let least: LogLevel = 'info';
  const isWanted = ({ level = 'info' }: LogFacts): boolean =>
    LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
  let lastProgressAtMs = performance.now();
  const clean = (text: string): string => {
    let cleaned = redact(text);
    for (const secret of secrets) cleaned = cleaned.replaceAll(secret, '***');
    return cleaned;
  };
  const clearProgress = (): void => {
    if (isProgressShown) stderr.write('\r\x1b[2K');
    isProgressShown = false;
  };
  return {
    get columns() {
      const forced = Number(env.COLUMNS);
      return stdout.columns ?? (forced >= 20 ? forced : 80);
    },
    isOutTerminal: stdout.isTTY === true,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    colors: picocolors.createColors(hasColors(env, stdout.isTTY === true)),
    talkColors: picocolors.createColors(hasColors(env, stderr.isTTY === true)),
    out(text) {
      clearProgress();
      return new Promise((resolve) => {
        if (stdout.write(text)) resolve();
        else stdout.once('drain', resolve);
      });
    },
    talk(line, facts = {}) {
      if (!isWanted(facts)) return;
      clearProgress();
      // Cleaned before it is JSON, whose quotes a pattern could take for a password's end.
      if (log !== null) log(facts.level ?? 'info', clean(line), cleanFacts(facts, clean));
      else stderr.write(`${clean(line)}\n`);
    },
    async talkAs(form, level) {
      least = level;
      if (form === 'text') return;
      const { jsonLog } = await import('./log/json-log.js');
      log = jsonLog((line) => stderr.write(line), level);
    },
    get isJson() {
      return log !== null;
    },
    progress(line, facts = {}) {
      if (!isWanted({})) return;
      if (stderr.isTTY !== true || log !== null) {
        const now = performance.now();
        if (line === null || now - lastProgressAtMs < PLAIN_PROGRESS_MS) return;
        lastProgressAtMs = now;
        this.talk(line, facts);
        return;
      }
      clearProgress();
      if (line === null) return;
      stderr.write(clean(line).slice(0, Math.max(10, (stderr.columns ?? 80) - 1)));
      isProgressShown = true;
    },
    hide(texts) {
      // Shorter ones would be found inside other words.
      for (const text of texts) if (text.length >= 6) secrets.add(text);
    },
    clean,
    async flush() {
      clearProgress();
      await Promise.all(
        [stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
      );
    },
  };
}

function cleanFacts(facts: LogFacts, clean: (text: string) => string): LogFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, typeof value === 'string' ? clean(value) : value]),
  );
}

function hasColors(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTerminal && env.TERM !== 'dumb';
}

// Passwords of test databases, which our own sentences need.
const COMMON_WORDS = ['colophon', 'postgres', 'password'];

/** The passwords in connection URLs and in the environment, as written and as meant. */
export function secretsOf(urls: readonly (string | null)[], env: NodeJS.ProcessEnv): string[] {
  const secrets: string[] = env.PGPASSWORD ? [env.PGPASSWORD] : [];
  for (const url of urls) {
    // Up to the last @ before the path: a password may hold an @ that nobody encoded.
    const authority = /^[a-z]+:\/\/([^?#]*)/i.exec(url ?? '')?.[1] ?? '';
    const userInfo = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
    // A password that is also the user's or the database's name can't be told from it.
    const words = new Set([
      ...COMMON_WORDS,
      ...authority.slice(userInfo.length + 1).split('/'),
      userInfo.split(':')[0],
    ]);
    const parameter = /[?&]password=([^&#]*)/i.exec(url ?? '')?.[1];
    for (const secret of [userInfo.slice(userInfo.indexOf(':') + 1), parameter ?? '']) {
      if (secret === '' || secret === userInfo || words.has(secret)) continue;
      secrets.push(secret);
      try {
        secrets.push(decodeURIComponent(secret));
      } catch {
        // Not percent-encoded: as written is as meant.
      }
    }
  }
  return secrets;
}
