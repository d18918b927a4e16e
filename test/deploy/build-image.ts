import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { LocalRegistry } from '../local-registry.js';
import { CONTAINER, readDockerfile, type Stage, type Step } from './dockerfile.js';

const run = promisify(execFile);

/** The image as far as it is ours: its files under a folder, and what its last stage sets. */
export interface Image {
  /** The folder that stands for `/`. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** `user:group`, in numbers. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
}

/** What a stage has come to. */
interface State {
  readonly root: string;
  readonly args: Record<string, string>;
  readonly env: Record<string, string>;
  readonly commands: Record<string, readonly string[]>;
  workdir: string;
  user: string;
}

/** Does what the Dockerfile says, step by step, on top of this machine instead of the base image; npm asks the local registry alone. */
export async function buildImage(registry: LocalRegistry): Promise<Image> {
  const { stages } = readDockerfile();
  const built = new Map<string, State>();
  for (const stage of stages) built.set(stage.name ?? '', await buildStage(stage, built, registry));
  const last = [...built.values()].at(-1)!;
  for (const { root } of built.values()) if (root !== last.root) fs.rmSync(root, { recursive: true });
  const { root, env, workdir, user, commands } = last;
  const { ENTRYPOINT = [], CMD = [], HEALTHCHECK = [] } = commands;
  return { root, env, workdir, user, entrypoint: ENTRYPOINT, cmd: CMD, healthcheck: HEALTHCHECK };
}

async function buildStage(stage: Stage, built: Map<string, State>, registry: LocalRegistry): Promise<State> {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-image-'));
  // What mkdtemp keeps to itself, the container's user must walk.
  fs.chmodSync(root, 0o755);
  const state: State = { root, args: {}, env: {}, commands: {}, workdir: '/', user: '0:0' };
  for (const step of stage.steps) await doStep(step, state, built, registry);
  return state;
}

async function doStep(
  step: Step,
  state: State,
  built: Map<string, State>,
  registry: LocalRegistry,
): Promise<void> {
  const { keyword, text, words } = step;
  switch (keyword) {
    case 'ARG': {
      const [name = '', value = ''] = text.split('=');
      state.args[name] = value;
      return;
    }
    case 'ENV':
      Object.assign(state.env, step.sets);
      return;
    case 'WORKDIR':
      state.workdir = text;
      fs.mkdirSync(path.join(state.root, text), { recursive: true });
      return;
    case 'RUN':
      await run('sh', ['-c', text], {
        cwd: path.join(state.root, state.workdir),
        env: { ...registry.env, ...state.args },
      });
      return;
    case 'COPY':
      copy(step, state, built);
      return;
    case 'USER':
      state.user = text;
      return;
    case 'ENTRYPOINT':
    case 'CMD':
    case 'HEALTHCHECK':
      state.commands[keyword] = words;
      return;
    case 'LABEL':
    case 'EXPOSE':
      return;
    default:
      throw new Error(`This test doesn't know how to do ${keyword}.`);
  }
}

function copy({ words, from }: Step, state: State, built: Map<string, State>): void {
  const base = from === null ? CONTAINER : built.get(from)!.root;
  const to = path.join(state.root, words.at(-1)!);
  for (const name of words.slice(0, -1)) {
    const target = words.at(-1)!.endsWith('/') ? path.join(to, path.basename(name)) : to;
    fs.cpSync(path.join(base, name), target, { recursive: true, verbatimSymlinks: true });
  }
}
