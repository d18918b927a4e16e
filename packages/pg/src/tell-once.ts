import { ColophonError } from '@colophon/protocol';

/** Tells the application the first time that a function of its own fails, and never more: by its hook, or as a process warning. Never throws. */
export function tellOnce(
  message: string,
  hook: (error: ColophonError) => void = (error) => process.emitWarning(error),
): (cause: unknown) => void {
  let isTold = false;
  return (cause) => {
    if (isTold) return;
    isTold = true;
    try {
      hook(new ColophonError('CONTEXT_FAILED', message, { cause }));
    } catch (thrown) {
      // The hook is the application's; a query must not fail because of it.
      process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
    }
  };
}
