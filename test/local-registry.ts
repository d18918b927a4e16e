import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pack } from './pack.js';

const run = promisify(execFile);
const ROOT = path.join(import.meta.dirname, '..');
const STORE = path.join(ROOT, 'node_modules', '.pnpm');

/** A registry of npm's on this machine: this workspace's packages as they would be published, and what the workspace has installed. Nothing is fetched. */
export interface LocalRegistry {
  /** `npm install` in this folder, as a user does it: from this registry alone, with a cache of its own. */
  install(folder: string): Promise<void>;
  /** The environment in which any `npm` does so. */
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

interface Installed {
  readonly folder: string;
  readonly manifest: { readonly name: string; readonly version: string };
}

/** Starts the registry. */
export async function startLocalRegistry(): Promise<LocalRegistry> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-registry-'));
  const server = http.createServer((request, response) => {
    answer(decodeURIComponent(request.url!.slice(1)), response).catch((error: unknown) =>
      response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`;

  /** `name` gives what versions there are; `name/-/version.tgz` one of them. */
  async function answer(asked: string, response: http.ServerResponse): Promise<void> {
    const [, name, version] = /^(.+?)(?:\/-\/(.+)\.tgz)?$/.exec(asked)!;
    const versions = installedVersions(name!);
    if (versions.size === 0) {
      response.writeHead(404).end();
    } else if (version === undefined) {
      response.end(JSON.stringify(await document(name!, versions)));
    } else {
      response.end(fs.readFileSync(await tarball(versions.get(version)!)));
    }
  }

  async function document(name: string, versions: ReadonlyMap<string, Installed>): Promise<object> {
    const manifests: Record<string, object> = {};
    for (const [version, installed] of versions) {
      const manifest = isOurs(installed) ? await packedManifest(installed) : installed.manifest;
      manifests[version] = { ...manifest, dist: { tarball: `${url}${name}/-/${version}.tgz` } };
    }
    return { name, 'dist-tags': { latest: [...versions.keys()].at(-1) }, versions: manifests };
  }

  const tarballs = new Map<string, Promise<string>>();

  /** Ours is packed as it is published: only then are its files chosen, and versions put for `workspace:`. */
  function tarball(installed: Installed): Promise<string> {
    const { name, version } = installed.manifest;
    const into = path.join(scratch, 'tarballs', name, version);
    // Once, whoever asks meanwhile: a half-written tarball is none.
    const making = tarballs.get(into) ?? makeTarball(installed, into);
    tarballs.set(into, making);
    return making;
  }

  async function makeTarball(installed: Installed, into: string): Promise<string> {
    if (isOurs(installed)) return pack(installed.folder, into);
    const { name, version } = installed.manifest;
    fs.mkdirSync(into, { recursive: true });
    // Copied, since pnpm links files of one content together, and npm leaves links in a tarball out.
    const copy = path.join(scratch, 'copies', name, version, 'package');
    const filter = (file: string) => path.basename(file) !== 'node_modules';
    fs.cpSync(installed.folder, copy, { recursive: true, filter });
    const file = path.join(into, 'package.tgz');
    await run('tar', ['-cf', file, '-C', path.dirname(copy), 'package']);
    return file;
  }

  async function packedManifest(installed: Installed): Promise<object> {
    const { stdout } = await run('tar', ['-xzOf', await tarball(installed), 'package/package.json']);
    return JSON.parse(stdout);
  }

  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))),
    npm_config_registry: url,
    npm_config_cache: path.join(scratch, 'cache'),
    npm_config_noproxy: '127.0.0.1',
    // Otherwise npm asks for optional peers too, which nobody has installed: so a manifest names its peers.
    npm_config_legacy_peer_deps: 'true',
  };
  return {
    env,
    async install(folder) {
      await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder, env });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      fs.rmSync(scratch, { recursive: true, force: true });
    },
  };
}

function isOurs({ folder }: Installed): boolean {
  return !folder.startsWith(STORE);
}

/** The versions of a package that the workspace has: its own, or all that pnpm has installed. */
function installedVersions(name: string): Map<string, Installed> {
  const own = fs
    .readdirSync(path.join(ROOT, 'packages'))
    .map((folder) => path.join(ROOT, 'packages', folder));
  const prefix = `${name.replace('/', '+')}@`;
  const others = fs
    .readdirSync(STORE)
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => path.join(STORE, entry, 'node_modules', name));
  const versions = new Map<string, Installed>();
  for (const folder of [...own, ...others]) {
    const file = path.join(folder, 'package.json');
    if (!fs.existsSync(file)) continue;
    const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as Installed['manifest'];
    if (manifest.name === name) versions.set(manifest.version, { folder, manifest });
  }
  return versions;
}
