/**
 * Why nothing is read.
 *
 * - `opening`: the sink isn't open yet.
 * - `catalog`: the catalog is being asked, and what was received waits for it.
 * - `full`: enough waits for the sink.
 */
export type Closing = 'opening' | 'catalog' | 'full';

/** Lets the socket deliver only while nothing stands against it. Begins shut, `opening`, with the socket paused. */
export class ReadingGate {
  private readonly socket: { pause(): void; resume(): void };
  private readonly onOpen: () => void;
  private readonly closings = new Set<Closing>(['opening']);
  private isPaused = true;
  private isShutForGood = false;

  /** `onOpen` is called before the socket delivers again. */
  constructor(socket: { pause(): void; resume(): void }, onOpen: () => void) {
    this.socket = socket;
    this.onOpen = onOpen;
  }

  /** Whether the socket delivers. */
  get isOpen(): boolean {
    return !this.isPaused;
  }

  /** Pauses the socket until there is no such reason, nor another. */
  shut(closing: Closing): void {
    this.closings.add(closing);
    this.pause();
  }

  /** Takes a reason away. */
  open(closing: Closing): void {
    this.closings.delete(closing);
    if (this.closings.size > 0 || this.isShutForGood || !this.isPaused) return;
    this.isPaused = false;
    this.onOpen();
    this.socket.resume();
  }

  /** Nothing more is read. */
  shutForGood(): void {
    this.isShutForGood = true;
    this.pause();
  }

  private pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.socket.pause();
  }
}
