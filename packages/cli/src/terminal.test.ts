import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createTerminal, secretsOf, type Terminal } from './terminal.js';

interface Fake {
  terminal: Terminal;
  out(): string;
  talk(): string;
}

function fake(options: { isTerminal?: boolean; env?: Record<string, string>; columns?: number } = {}): Fake {
  const stream = () => {
    let text = '';
    return Object.assign(new EventEmitter(), {
      isTTY: options.isTerminal,
      columns: options.isTerminal === true ? (options.columns ?? 80) : undefined,
      write(part: string, done?: () => void) {
        text += part;
        done?.();
        return true;
      },
      text: () => text,
    });
  };
  const [stdin, stdout, stderr] = [stream(), stream(), stream()];
  const process = { stdin, stdout, stderr, env: options.env ?? {} } as unknown as NodeJS.Process;
  return { terminal: createTerminal(process), out: stdout.text, talk: stderr.text };
}

describe('passwords', () => {
  it.each([
    ['postgres://me:hunter22@db/app', 'hunter22'],
    ['postgres://me:p%40ss-word@db/app', 'p@ss-word'],
    ['postgres://me:p%40ss-word@db/app', 'p%40ss-word'],
    ['postgres://me:half@way-there@db/app', 'half@way-there'],
    ['postgres://db/app?user=me&password=hunter22', 'hunter22'],
    ['postgresql://me:not%zzencoded@db/app', 'not%zzencoded'],
  ])('of %j are never talked about', async (url, secret) => {
    const { terminal, talk } = fake({ isTerminal: true });
    terminal.hide(secretsOf([url], {}));
    terminal.talk(`it said "${secret}" about ${url}`);
    terminal.progress(`… ${secret}`);
    expect(talk()).not.toContain(secret);
    expect(talk()).toContain('***');
  });

  it('are taken from PGPASSWORD too', () => {
    expect(secretsOf([null], { PGPASSWORD: 'from-env' })).toEqual(['from-env']);
  });

  it('that are also names cannot be told from them', () => {
    expect(
      secretsOf(['postgres://orders:orders@db/app', 'postgres://me:inventory@db/inventory'], {}),
    ).toEqual([]);
    expect(secretsOf(['postgres://me:postgres@db/app'], {})).toEqual([]);
  });

  it('there are none in a URL without', () => {
    expect(secretsOf(['postgres://me@db/app', 'postgres:///app', 'nonsense', null], {})).toEqual([]);
  });

  it('of a URL are gone however short they are, without tearing words apart', () => {
    const { terminal, talk } = fake();
    terminal.hide(secretsOf(['postgres://me:a@db/app'], {}));
    terminal.talk('a plan for postgres://me:a@db/app');
    expect(talk()).toBe('a plan for postgres://me:***@db/app\n');
  });
});

describe('colours', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('terminal %s, %j: %s', (isTerminal, env, isColoured) => {
    expect(fake({ isTerminal, env: env as Record<string, string> }).terminal.colors.isColorSupported).toBe(
      isColoured,
    );
  });
});

describe('progress', () => {
  it('is one line rewritten on a terminal, never wider than it, and gone before anything else', () => {
    const { terminal, talk } = fake({ isTerminal: true, columns: 20 });
    terminal.progress('first');
    terminal.progress('x'.repeat(50));
    terminal.talk('done');
    expect(talk()).toBe(`first\r\x1b[2K${'x'.repeat(19)}\r\x1b[2Kdone\n`);
  });

  it('elsewhere is a plain line now and then', () => {
    const { terminal, talk } = fake();
    terminal.progress('too soon');
    terminal.progress(null);
    expect(talk()).toBe('');
  });
});

it('has the columns of the terminal, else of COLUMNS, else 80', () => {
  expect(fake({ isTerminal: true, columns: 133, env: { COLUMNS: '100' } }).terminal.columns).toBe(133);
  expect(fake({ env: { COLUMNS: '100' } }).terminal.columns).toBe(100);
  expect(fake({ env: { COLUMNS: 'wide' } }).terminal.columns).toBe(80);
});

it('data goes to out alone, talk to talk alone', async () => {
  const { terminal, out, talk } = fake();
  await terminal.out('data\n');
  terminal.talk('talk');
  await terminal.flush();
  expect([out(), talk()]).toEqual(['data\n', 'talk\n']);
});
