import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Change, ColophonError, type Lsn, type Operation, type Relation } from '@colophon/protocol';

/** Where changes wait for the end of their transaction. */
export interface SpoolOptions {
  /** The folder for what doesn't fit into memory. Default: the system's for temporary files. */
  spoolDirectory?: string;
  /** What one transaction may take in memory before it goes to disk, about, in bytes. Default 8 MiB. */
  maxMemoryBytes?: number;
}

type Line = [
  number,
  Operation,
  number,
  string,
  number,
  string,
  string | null,
  string,
  string,
  readonly string[],
];

const DEFAULT_MEMORY_BYTES = 8 * 2 ** 20;
const WRITE_SIZE = 2 ** 18;
const CHANGE_OVERHEAD = 200;
/** JSON leaves them as they are, and the `readline` of Node 24 ends a line at them. */
const LINE_SEPARATORS = /[\u2028\u2029]/g;

/** The changes of one transaction, in order: in memory as long as they are few, else in a file that nobody else sees. */
export class ChangeSpool {
  private readonly directory: string;
  private readonly maxMemoryBytes: number;
  private memory: Change[] = [];
  private memoryBytes = 0;
  private file: FileHandle | null = null;
  private folder: string | null = null;
  private lines: string[] = [];
  private linesSize = 0;
  private readonly relations: Relation[] = [];
  private readonly relationIndex = new Map<Relation, number>();
  /** How many there are. */
  count = 0;

  constructor(options: SpoolOptions = {}) {
    this.directory = options.spoolDirectory ?? tmpdir();
    this.maxMemoryBytes = options.maxMemoryBytes ?? DEFAULT_MEMORY_BYTES;
  }

  /** Whether it had to go to disk. */
  get isOnDisk(): boolean {
    return this.file !== null;
  }

  /** Appends changes. Throws `SPOOL_FAILED` where the disk doesn't take them. */
  async add(changes: readonly Change[]): Promise<void> {
    this.count += changes.length;
    if (this.file === null) {
      for (const change of changes) {
        this.memory.push(change);
        this.memoryBytes += change.before.length + change.after.length + change.key.length + CHANGE_OVERHEAD;
      }
      if (this.memoryBytes <= this.maxMemoryBytes) return;
      await this.guard(() => this.openFile());
      for (const change of this.memory) await this.line(change);
      this.memory = [];
      return;
    }
    for (const change of changes) await this.line(change);
  }

  /** All of them from the first on. May be read more than once, until `remove`. */
  async *read(): AsyncGenerator<Change> {
    if (this.file === null) {
      yield* this.memory;
      return;
    }
    await this.guard(() => this.writeLines());
    const input = this.file.createReadStream({ start: 0, autoClose: false, encoding: 'utf8' });
    try {
      for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
        yield this.parse(line);
      }
    } finally {
      input.destroy();
    }
  }

  /** Forgets them. Safe to call twice. */
  async remove(): Promise<void> {
    this.memory = [];
    this.lines = [];
    const { file, folder } = this;
    this.file = null;
    this.folder = null;
    await file?.close().catch(() => {});
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }

  private async openFile(): Promise<void> {
    const folder = await mkdtemp(path.join(this.directory, 'colophon-'));
    this.folder = folder;
    this.file = await open(path.join(folder, 'changes'), 'wx+', 0o600);
    // Without a name it is gone with the process, however that ends. Windows doesn't allow it; there `remove` does it.
    const removed = await rm(folder, { recursive: true }).then(
      () => true,
      () => false,
    );
    if (removed) this.folder = null;
  }

  private async line(change: Change): Promise<void> {
    const { operation, sequence, position, segment, key, primaryKey, before, after, unchanged } = change;
    const line: Line = [
      this.indexOf(change.relation),
      operation,
      sequence,
      position.toString(),
      segment,
      key,
      primaryKey,
      before,
      after,
      unchanged,
    ];
    const text = JSON.stringify(line).replace(LINE_SEPARATORS, (found) =>
      found === '\u2028' ? '\\u2028' : '\\u2029',
    );
    this.lines.push(text);
    this.linesSize += text.length;
    if (this.linesSize >= WRITE_SIZE) await this.guard(() => this.writeLines());
  }

  private async writeLines(): Promise<void> {
    if (this.lines.length === 0) return;
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    this.linesSize = 0;
    await this.file?.appendFile(text);
  }

  private indexOf(relation: Relation): number {
    let index = this.relationIndex.get(relation);
    if (index === undefined) {
      index = this.relations.push(relation) - 1;
      this.relationIndex.set(relation, index);
    }
    return index;
  }

  private parse(line: string): Change {
    const [relation, operation, sequence, position, segment, key, primaryKey, before, after, unchanged] =
      JSON.parse(line) as Line;
    return {
      relation: this.relations[relation] as Relation,
      operation,
      sequence,
      position: BigInt(position) as Lsn,
      segment,
      key,
      primaryKey,
      before,
      after,
      unchanged,
    };
  }

  private async guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new ColophonError(
        'SPOOL_FAILED',
        `Cannot keep a large transaction in ${this.directory}: ${code ?? 'unknown reason'}. Make room there, or set spoolDirectory to another folder.`,
        { cause: error, retryable: true },
      );
    }
  }
}
