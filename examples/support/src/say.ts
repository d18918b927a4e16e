import colors from 'picocolors';

/** Tells the one who watches what happens; to stderr, so that stdout has the audit trail alone. */
export function say(text: string): void {
  console.error(colors.dim(text));
}
