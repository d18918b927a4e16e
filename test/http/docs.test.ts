import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadNest } from '../nest/load-nest.js';

const ROOT = path.join(import.meta.dirname, '../..');
const read = (name: string) => fs.readFileSync(path.join(ROOT, name), 'utf8');
const snippets = (name: string, language: string) =>
  [...read(name).matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(
    (match) => match[1] as string,
  );

/** What a snippet may use besides what it loads: an assertion, and a request to its application. */
const HELPERS = `const assert = require('node:assert/strict');
  async function ask(app, method, path, headers = {}, body) {
    const server = app.listen(0, '127.0.0.1');
    await require('node:events').once(server, 'listening');
    const url = 'http://127.0.0.1:' + server.address().port + path;
    const answer = await (await fetch(url, { method, headers, body })).json();
    server.closeAllConnections();
    server.close();
    return answer;
  }`;

describe.each([
  ['docs/express.md', 2],
  ['docs/coming-from-bemi.md', 1],
  ['packages/express/README.md', 1],
])('%s', (name, count) => {
  const found = snippets(name, 'js');
  it('has snippets', () => expect(found).toHaveLength(count));
  it.each(found)('runs as it stands: %#', (snippet) => {
    const code = `${HELPERS}\n(async () => {\n${snippet}\n})().then(() => console.log('ran'), (error) => { console.error(error); process.exit(1); });`;
    expect(execFileSync(process.execPath, ['-e', code], { cwd: import.meta.dirname, encoding: 'utf8' })).toBe(
      'ran\n',
    );
  });
});

describe('docs/nest.md', () => {
  it('compiles by tsc as it stands, and runs', () => {
    const nest = loadNest('12');
    try {
      const folder = path.dirname(
        path.dirname(path.dirname(path.dirname(nest.require.resolve('@colophon/nest/package.json')))),
      );
      const found = snippets('docs/nest.md', 'ts');
      expect(found).toHaveLength(3);
      found.forEach((snippet, i) => {
        fs.writeFileSync(path.join(folder, `snippet-${i}.ts`), snippet);
      });
      const main = `import 'reflect-metadata';
        import { NestFactory } from '@nestjs/core';
        import { start } from './snippet-0.js';
        import { module as adapted } from './snippet-1.js';
        import { module as provided } from './snippet-2.js';
        async function main(): Promise<void> {
          const app = await start();
          const put = await fetch((await app.getUrl()) + '/api/todos/7', { method: 'PUT' });
          const { requestId, ip, ...context } = (await put.json()) as Record<string, unknown>;
          console.log(typeof requestId, typeof ip, JSON.stringify(context));
          await app.close();
          for (const module of [adapted, provided]) {
            class Root {}
            const other = await NestFactory.create({ module: Root, imports: [module] } as never, { logger: false });
            await other.init();
            await other.close();
          }
        }
        void main();`;
      fs.writeFileSync(path.join(folder, 'main.ts'), main);
      fs.mkdirSync(path.join(folder, 'node_modules/@types'));
      fs.symlinkSync(
        path.join(ROOT, 'node_modules/@types/node'),
        path.join(folder, 'node_modules/@types/node'),
      );
      const compilerOptions = {
        module: 'node20',
        target: 'es2023',
        types: ['node'],
        strict: true,
        skipLibCheck: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      };
      fs.writeFileSync(
        path.join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, include: ['*.ts'] }),
      );
      execFileSync(path.join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
      expect(execFileSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8' })).toBe(
        'string string {"endpoint":"PUT /api/todos/:id","handler":"TodosController.update"}\n',
      );
    } finally {
      nest.remove();
    }
  });
});

it.each(['docs/express.md', 'docs/nest.md', 'docs/coming-from-bemi.md', 'docs/context.md'])(
  '%s links only to files that are there',
  (name) => {
    for (const [, target] of read(name).matchAll(/\]\(([^)#:]+)\)/g)) {
      expect(fs.existsSync(path.join(ROOT, path.dirname(name), target as string)), target).toBe(true);
    }
  },
);
