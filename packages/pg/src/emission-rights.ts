import { ColophonError } from '@colophon/protocol';

/** What is known of the right to emit; one a pool, since its connections log in alike. */
export class EmissionRights {
  private state: 'unknown' | 'granted' | 'refused' = 'unknown';
  private readonly tell: (error: ColophonError) => void;

  constructor(tell: (error: ColophonError) => void) {
    this.tell = tell;
  }

  get isGranted(): boolean {
    return this.state === 'granted';
  }

  get isRefused(): boolean {
    return this.state === 'refused';
  }

  grant(): void {
    if (this.state === 'unknown') this.state = 'granted';
  }

  refuse(cause?: unknown): void {
    if (this.state === 'refused') return;
    this.state = 'refused';
    const error = new ColophonError(
      'PRIVILEGE_MISSING',
      'The database refuses pg_logical_emit_message to this role (SQLSTATE 42501), so writes go on without their context: GRANT EXECUTE on it, as colophon role application does, and restart the application.',
      { cause, details: { sqlstate: '42501' } },
    );
    try {
      this.tell(error);
    } catch (thrown) {
      // The hook is the application's; a query must not fail because of it.
      process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
    }
  }
}
