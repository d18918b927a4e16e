import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The folder of the example. */
export const KUBERNETES = path.join(import.meta.dirname, '../../examples/kubernetes');

/** A container of a pod, as far as it is looked at here. */
interface PodContainer {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** A pod's specification. */
export interface PodSpec {
  readonly containers: readonly [PodContainer];
  readonly volumes: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly defaultMode: number };
    readonly emptyDir?: object;
  }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken: boolean;
}

/** A manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has a shape of its own.
  readonly spec: any;
}

/** Reads a manifest as kubectl does: by YAML 1.1, where 0440 is octal. */
export function readManifest(name: string): Manifest {
  const text = fs.readFileSync(path.join(KUBERNETES, `${name}.yaml`), 'utf8');
  const [document, ...more] = parseAllDocuments(text, { version: '1.1' });
  if (document === undefined || more.length > 0 || document.errors.length > 0) throw new Error(name);
  return document.toJS() as Manifest;
}

/** The pod of a Deployment, Job or CronJob. */
export function podOf({ kind, spec }: Manifest): PodSpec {
  return (kind === 'CronJob' ? spec.jobTemplate.spec : spec).template.spec as PodSpec;
}
