import type { Classified } from './statement.js';

/** Longer texts are read again each time: they hold data and don't come back. In UTF-16 units. */
const MAX_TEXT = 16_384;
/** Of each of two generations: at most so many texts… */
const MAX_TEXTS = 1024;
/** …with so many UTF-16 units in all. */
const MAX_UNITS = 1 << 20;

/** What texts were found to be: the lately used ones, in two generations. A text in use costs one `Map.get`. */
export class StatementCache {
  private young: Map<string, Classified> = new Map();
  private old: Map<string, Classified> = new Map();
  private units = 0;

  get(text: string): Classified | undefined {
    if (text.length > MAX_TEXT) return undefined;
    const young = this.young.get(text);
    if (young !== undefined) return young;
    const old = this.old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, classified: Classified): void {
    if (text.length > MAX_TEXT) return;
    if (this.young.size >= MAX_TEXTS || this.units + text.length > MAX_UNITS) {
      this.old = this.young;
      this.young = new Map();
      this.units = 0;
    }
    this.units += text.length;
    this.young.set(text, classified);
  }
}
