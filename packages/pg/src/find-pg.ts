import { createRequire } from 'node:module';
import path from 'node:path';
import { isPgModule, type PgModule } from './instrument-copy.js';

/** The copies of pg that are loaded, and those that the application would load. */
export function findPg(): PgModule[] {
  const found = new Set<PgModule>();
  for (const loaded of Object.values(require.cache)) {
    const exports: unknown = loaded?.exports;
    if (isPgModule(exports)) found.add(exports);
  }
  const places = [require.main?.filename, process.argv[1], path.join(process.cwd(), 'index.js'), __filename];
  for (const place of places) {
    if (place === undefined || !path.isAbsolute(place)) continue;
    try {
      const exports: unknown = createRequire(place)('pg');
      if (isPgModule(exports)) found.add(exports);
    } catch (error) {
      // Not everybody who asks has one; one that is there but broken fails where the application asks for it.
      void error;
    }
  }
  return [...found];
}
