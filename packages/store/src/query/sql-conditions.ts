/** Conditions of a WHERE clause with their values as parameters, and the order that goes with them. */
export class SqlConditions {
  readonly #conditions: string[] = [];
  readonly values: unknown[] = [];
  /** What to order by. */
  order: readonly string[] = ['r.seq'];

  /** The placeholder of a value. */
  parameter(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  add(condition: string): void {
    this.#conditions.push(condition);
  }

  /** The clause; empty where nothing is asked. */
  get where(): string {
    return this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`;
  }

  /** The same conditions once more, to be added to. */
  copy(): SqlConditions {
    const copied = new SqlConditions();
    copied.#conditions.push(...this.#conditions);
    copied.values.push(...this.values);
    copied.order = this.order;
    return copied;
  }
}
