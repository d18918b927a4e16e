import { freePort } from '@colophon/testkit';

/** A page as it was answered. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly body: Record<string, unknown>;
}

/** Asks a run for a page. */
export async function page(port: number, path: string, method = 'GET'): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const body = type.startsWith('application/json') && text !== '' ? JSON.parse(text) : {};
  return { status: response.status, type, text, body };
}

/** Asks again until the answer is as wanted; fails with the last one when that takes longer than `timeoutMs`. */
export async function until<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > giveUpAtMs)
      throw new Error(`not within ${timeoutMs} ms: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The samples of an exposition by their name with labels: `colophon_state{state="waiting"}`. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const split = line.lastIndexOf(' ');
      return [line.slice(0, split), Number(line.slice(split + 1))];
    }),
  );
}

/** What `/metrics` says, as samples. */
export async function metrics(port: number): Promise<Map<string, number>> {
  return samplesOf((await page(port, '/metrics')).text);
}

/** Where a run is to listen: the flag, and the port to ask. */
export async function listenFlag(): Promise<{ port: number; flag: string[] }> {
  const port = await freePort();
  return { port, flag: ['--listen', `127.0.0.1:${port}`] };
}
