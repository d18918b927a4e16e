import { type ChildProcessByStdio, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Image } from './build-image.js';

/** How a container is run. */
export interface ContainerOptions {
  /** What is run; default the image's own. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** Over the image's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A container that was started. */
export interface Container {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** The exit code it ended with, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Resolves once it has said this; rejects where it ends without. */
  said(text: string): Promise<void>;
}

// The folders of the image, and those that are mounted into it.
const OURS = /(?<![\w.-])\/(?=(?:opt\/colophon|config|run\/secrets|secrets|tmp)(?:\/|:|\s|$))/g;

/** The text with the image's paths as they are on this machine. */
export function inImage(image: Image, text: string): string {
  return text.replace(OURS, `${image.root}/`);
}

/** Makes `/tmp`, the one folder that the container's user may write to, and lets no other be written to. */
export function sealImage({ root, user }: Image): void {
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  const tmp = path.join(root, 'tmp');
  fs.mkdirSync(tmp, { recursive: true });
  if (process.getuid?.() === 0) fs.chownSync(tmp, uid, gid);
}

/** Runs the image as the user it names, with nothing in the environment but what the image and the options set. */
export function startContainer(image: Image, options: ContainerOptions = {}): Container {
  const entrypoint = options.entrypoint ?? image.entrypoint;
  // An entrypoint of one's own is without the image's command.
  const cmd = options.cmd ?? (options.entrypoint === undefined ? image.cmd : []);
  const env = Object.fromEntries(
    Object.entries({ ...image.env, ...options.env }).map(([name, value]) => [name, inImage(image, value)]),
  );
  env.PATH = env.PATH!.replace('$PATH', `${path.dirname(process.execPath)}:${process.env.PATH}`);
  const words = [...entrypoint, ...cmd].map((word) => inImage(image, word));
  const [uid, gid] = image.user.split(':');
  const asUser =
    process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'] : [];
  const child = spawn('setpriv', [...asUser, '--pdeathsig', 'KILL', '--', ...words], {
    cwd: path.join(image.root, image.workdir),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? -1));
  });
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stderr.includes(text)) resolve();
        };
        child.stderr.on('data', look);
        look();
        ended.then(
          (code) => reject(new Error(`ended with ${code} without ${JSON.stringify(text)}: ${stderr}`)),
          reject,
        );
      }),
  };
}

/** Every file outside `/tmp`, with its size and when it was changed. */
export function filesOf({ root }: Image): string[] {
  return fs
    .readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^tmp(\/|$)/.test(name))
    .map((name) => {
      const { size, mtimeMs } = fs.lstatSync(path.join(root, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .sort();
}
