/** A seeded source of random choices: the same seed gives the same choices. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** Letters, quotes, backslashes, accents, emoji: up to `maxLength` characters. */
  text(maxLength: number): string;
  /** Hexadecimal digits: text that compression cannot shrink much. */
  hex(length: number): string;
}

const ALPHABET = [
  ...'abcdefghijklmnopqrstuvwxyz ABC 0123456789',
  ...'\'"\\/*-$1;{}[],:%\t\n',
  ...'äß€日本😀\u2028',
];

/** Mulberry32: 32 bits of state are enough for tests, and it is easy to check. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const pick = <T>(choices: readonly T[]): T => choices[integer(0, choices.length - 1)] as T;
  return {
    next,
    integer,
    pick,
    chance: (probability) => next() < probability,
    text: (maxLength) => Array.from({ length: integer(0, maxLength) }, () => pick(ALPHABET)).join(''),
    hex: (length) => {
      let text = '';
      while (text.length < length) text += Math.floor(next() * 4_294_967_296).toString(16);
      return text.slice(0, length);
    },
  };
}

/** The seed in `SEED`, or a new one. Whoever uses it prints it, so that a failure can be run again. */
export function seedFromEnvironment(): number {
  const given = process.env.SEED;
  return given === undefined || given === '' ? Date.now() % 1_000_000_007 : Number(given);
}
