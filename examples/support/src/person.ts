/** A request that was sent, and what the audit trail must have of it. */
export interface Sent {
  readonly user: string;
  readonly requestId: string;
  /** Method and route pattern: `PUT /todos/:id`. */
  readonly endpoint: string;
  /** `UPDATE todo` and so on, in alphabetical order. */
  readonly changes: readonly string[];
}

/** A request to send. */
export interface Ask {
  /** For the `:id` of the pattern. */
  id?: number;
  body?: object;
  /** The rows that it changes. Default: none. */
  changes?: readonly string[];
  /** The answer's status, where it is to be an error. */
  status?: number;
}

/** One who uses the application over HTTP, and keeps account of what was sent. */
export class Person {
  readonly sent: Sent[] = [];
  /** What proves who it is: added to each request's headers. */
  proof: Record<string, string> = {};

  constructor(
    readonly base: string,
    readonly name: string,
  ) {}

  /** Sends a request to this route, and gives the answer's headers and its JSON. Throws where the status isn't the one wanted. */
  async ask<T>(endpoint: string, ask: Ask = {}): Promise<{ headers: Headers; body: T }> {
    const { name: user } = this;
    const requestId = `${user}-${this.sent.length + 1}`;
    this.sent.push({ user, requestId, endpoint, changes: [...(ask.changes ?? [])].sort() });
    const [method, pattern] = endpoint.split(' ') as [string, string];
    const response = await fetch(this.base + pattern.replace(':id', String(ask.id)), {
      method,
      headers: { ...this.proof, 'x-request-id': requestId, 'content-type': 'application/json' },
      ...(ask.body && { body: JSON.stringify(ask.body) }),
    });
    const text = await response.text();
    if (ask.status === undefined ? !response.ok : response.status !== ask.status)
      throw new Error(`${this.name}: ${endpoint} answered ${response.status}: ${text}`);
    return { headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }
}
