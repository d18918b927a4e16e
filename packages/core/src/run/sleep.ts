/** Waits, of which one at a time can be cut short. */
export class Sleep {
  private endNow: (() => void) | null = null;
  private isEnded = false;

  /** Resolves after `ms`, or when `end` is called. */
  for(ms: number): Promise<void> {
    if (this.isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.endNow = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.endNow = done;
    });
  }

  /** Ends the wait under way, and all to come at once. */
  end(): void {
    this.isEnded = true;
    this.endNow?.();
  }
}
