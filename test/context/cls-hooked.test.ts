import { execFile, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const file = path.join(import.meta.dirname, 'cls-scenarios.cjs');
const names = require(file) as string[];
const run = async (library: string, name: string) =>
  JSON.parse((await promisify(execFile)(process.execPath, [file, require.resolve(library), name])).stdout);
const script = (code: string) =>
  JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', '-e', code], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }),
  );

describe('the same scenario on cls-hooked and on the drop-in', () => {
  it.each(names)('%s', async (name) => {
    const [theirs, ours] = await Promise.all([run('cls-hooked', name), run('@colophon/cls-hooked', name)]);
    expect(ours).toEqual(theirs);
  });
});

describe('where it is better than cls-hooked', () => {
  it('a runPromise under way is seen by no other flow', () => {
    const seen = script(`
      const ns = require('@colophon/cls-hooked').createNamespace('n');
      const inner = ns.runPromise(async () => { ns.set('v', 1); await 1; return ns.get('v'); });
      const outer = ns.get('v') ?? null;
      setTimeout(async () => console.log(JSON.stringify([outer, ns.get('v') ?? null, await inner])), 1);`);
    expect(seen).toEqual([null, null, 1]);
  });

  it('a shared listener runs as whoever added it to that emitter, and a thrown string stays what it is', () => {
    const seen = script(`
      const { EventEmitter } = require('node:events');
      const ns = require('@colophon/cls-hooked').createNamespace('n');
      const seen = [];
      const listener = () => seen.push(ns.get('v'));
      const emitters = [1, 2].map((v) => { const ee = new EventEmitter(); ns.bindEmitter(ee); ns.run(() => { ns.set('v', v); ee.on('e', listener); }); return ee; });
      for (const ee of emitters) ee.emit('e');
      try { ns.run(() => { throw 'text'; }); } catch (error) { seen.push(error); }
      console.log(JSON.stringify(seen));`);
    expect(seen).toEqual([1, 2, 'text']);
  });

  it('10,000 runs, and a chain of 10,000 callbacks bound inside each other, leave nothing behind', () => {
    const [contexts, alive, depth] = script(`
      const ns = require('@colophon/cls-hooked').createNamespace('n');
      let alive = 0;
      const gone = new FinalizationRegistry(() => alive--);
      let deepest = 0;
      (async () => {
        for (let i = 0; i < 10000; i++) await ns.runAndReturn(async (c) => { alive++; gone.register(c); await 1; });
        await new Promise((done) => ns.run(() => {
          let left = 10000;
          const next = () => { deepest = Math.max(deepest, ns._set.length); left-- ? setImmediate(ns.bind(next)) : done(); };
          next();
        }));
        for (let i = 0; i < 5; i++) { gc(); await new Promise((r) => setImmediate(r)); }
        console.log(JSON.stringify([ns._contexts.size, alive, deepest]));
      })();`);
    expect(contexts).toBe(0);
    expect(alive).toBeLessThan(100);
    expect(depth).toBeLessThanOrEqual(2);
  });
});

describe('loading', () => {
  it('never calls createHook, neither to load nor to run', () => {
    const calls = script(`
      const hooks = require('node:async_hooks');
      let calls = 0;
      const { createHook } = hooks;
      hooks.createHook = (...args) => { calls++; return createHook(...args); };
      const { runWithContext, bindContext, currentContext } = require('@colophon/context');
      const ns = require('@colophon/cls-hooked').createNamespace('n');
      runWithContext({ a: 1 }, async () => { bindContext(currentContext)(); await ns.runPromise(async () => ns.set('v', 1)); })
        .then(() => { const ours = calls; require('cls-hooked').createNamespace('m'); console.log(JSON.stringify([ours, calls])); });`);
    expect(calls).toEqual([0, 1]);
  });

  it('has the shape of the real one whichever name it is required by', () => {
    const byRequire = require('@colophon/cls-hooked');
    const theirs = Object.keys(require('cls-hooked'));
    expect(
      Object.keys(byRequire)
        .filter((key) => key !== 'default')
        .sort(),
    ).toEqual(theirs.sort());
    expect(require('@colophon/context/cls')).toBe(byRequire);
  });
});
