import fs from 'node:fs';
import path from 'node:path';
import { type Copy, DockerfileParser, type Env, type From, type Instruction } from 'dockerfile-ast';

/** The folder that the image is built from. */
export const CONTAINER = path.join(import.meta.dirname, '../../container');

/** A stage, its steps in order. */
export interface Stage {
  readonly name: string | null;
  readonly base: string;
  readonly steps: readonly Step[];
}

/** One step. */
export interface Step {
  readonly keyword: string;
  /** What follows the keyword and its flags, on one line. */
  readonly text: string;
  /** The same in words; of the JSON form its strings. */
  readonly words: readonly string[];
  /** The stage that a COPY is from. */
  readonly from: string | null;
  /** What an ENV sets. */
  readonly sets: Readonly<Record<string, string>>;
}

/** The Dockerfile's text. */
export function dockerfileText(): string {
  return fs.readFileSync(path.join(CONTAINER, 'Dockerfile'), 'utf8');
}

/** The Dockerfile: what stands before its first stage, and its stages. */
export function readDockerfile(): { readonly globals: readonly Step[]; readonly stages: readonly Stage[] } {
  const globals: Step[] = [];
  const stages: (Stage & { steps: Step[] })[] = [];
  for (const instruction of DockerfileParser.parse(dockerfileText()).getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      const from = instruction as From;
      stages.push({ name: from.getBuildStage(), base: from.getImage() ?? '', steps: [] });
    } else {
      (stages.at(-1)?.steps ?? globals).push(readStep(keyword, instruction));
    }
  }
  return { globals, stages };
}

function readStep(keyword: string, instruction: Instruction): Step {
  const text = instruction.getArgumentsContent() ?? '';
  const from = keyword === 'COPY' ? ((instruction as Copy).getFromFlag()?.getValue() ?? null) : null;
  const properties = keyword === 'ENV' ? (instruction as Env).getProperties() : [];
  const strings = /^(?:CMD )?(\[.*\])$/.exec(text)?.[1];
  return {
    keyword,
    text,
    words: strings === undefined ? text.split(/\s+/) : (JSON.parse(strings) as string[]),
    from,
    sets: Object.fromEntries(properties.map((each) => [each.getName(), each.getValue() ?? ''])),
  };
}
