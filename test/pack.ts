import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.join(import.meta.dirname, '..');
const MANIFEST = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

/** Packs a package of the workspace as it would be published, and gives the tarball. By the workspace's own pnpm, which need not be on the PATH. */
export async function pack(folder: string, into: string): Promise<string> {
  fs.mkdirSync(into, { recursive: true });
  const args = ['-y', MANIFEST.packageManager as string, 'pack', '--pack-destination', into];
  await promisify(execFile)('npx', args, { cwd: folder });
  return path.join(into, fs.readdirSync(into)[0]!);
}
