import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The PostgreSQL majors that tests can start. */
export type Major = 14 | 15 | 16 | 17 | 18;

/** The `native` folder of the embedded PostgreSQL of this major. */
export function nativeDir(major: Major): string {
  return fs.realpathSync(
    path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules', `pg${major}`, 'native'),
  );
}
