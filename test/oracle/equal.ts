/** A comparison that found nothing. */
export const EQUAL = {
  lost: 0,
  doubled: 0,
  invented: 0,
  wrongContext: 0,
  wrongValue: 0,
  outOfOrder: 0,
} as const;
