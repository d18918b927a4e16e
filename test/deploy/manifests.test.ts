import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startColophon } from '../colophon-command.js';
import { COMPOSE, readComposeFile } from './compose-file.js';
import { readDockerfile } from './dockerfile.js';
import { KUBERNETES, podOf, readManifest } from './kubernetes-manifests.js';

// What docs/commands.md names is what the program reads, which a test beside it enforces.
const commands = fs.readFileSync(path.join(import.meta.dirname, '../../docs/commands.md'), 'utf8');
const known = new Set([...commands.matchAll(/COLOPHON_[A-Z_]*[A-Z]/g)].map(([name]) => name));
const image = Object.assign(
  {},
  ...readDockerfile()
    .stages.at(-1)!
    .steps.map(({ sets }) => sets),
);
const port = Number(String(image.COLOPHON_LISTEN).split(':')[1]);

async function flagsOf(command: string): Promise<string> {
  const help = startColophon([command, '--help']);
  expect(await help.ended).toBe(0);
  return help.stdout();
}

it("the image's own variables are known to the program", () => {
  const own = Object.keys(image).filter((name) => name.startsWith('COLOPHON_'));
  expect(own).toEqual(['COLOPHON_LISTEN', 'COLOPHON_LOG']);
  for (const name of own) expect(known).toContain(name);
});

describe('examples/compose', () => {
  const { services, secrets, volumes } = readComposeFile();

  it('sets variables that are known, and mounts secrets that are there', () => {
    for (const service of [services.setup, services.colophon]) {
      for (const [name, value] of Object.entries(service.environment ?? {})) {
        expect(known).toContain(name);
        if (name.endsWith('_FILE')) expect(service.secrets).toContain(path.basename(value));
      }
      for (const name of service.secrets ?? []) expect(secrets).toHaveProperty(name);
    }
    for (const { file } of Object.values(secrets)) expect(file).toMatch(/^\.\/secrets\//);
    expect(fs.readFileSync(path.join(COMPOSE, '.gitignore'), 'utf8')).toContain('secrets/');
    for (const service of Object.values(services)) {
      for (const volume of service.volumes ?? []) {
        const [from = ''] = volume.split(':');
        if (from.startsWith('.')) expect(fs.existsSync(path.join(COMPOSE, from)), from).toBe(true);
        else expect(volumes).toHaveProperty(from);
      }
    }
  });

  it('builds the image once, and runs it read-only, without rights, with a place for the spool', () => {
    expect(fs.existsSync(path.join(COMPOSE, services.setup.build!, 'Dockerfile'))).toBe(true);
    expect(services.colophon.image).toBe(services.setup.image);
    for (const service of [services.setup, services.colophon]) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
      const written = [
        ...(service.tmpfs ?? []),
        ...(service.volumes ?? []).map((each) => each.split(':')[1]),
      ];
      expect(written).toContain(image.TMPDIR);
    }
    expect(Number.parseInt(services.colophon.stop_grace_period!, 10)).toBeGreaterThan(30);
  });

  it('publishes the port of the pages on this machine alone, and no other', () => {
    expect(services.colophon.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(services.postgres.ports).toBeUndefined();
    expect(services.setup.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    expect(services.colophon.depends_on).toEqual({ setup: { condition: 'service_completed_successfully' } });
  });
});

describe.each(['consumer', 'init', 'retention'])('examples/kubernetes/%s.yaml', (name) => {
  const pod = podOf(readManifest(name));
  const [container] = pod.containers;

  it('gives the command flags and variables that it has', async () => {
    const [command, ...flags] = container.args;
    const help = await flagsOf(command!);
    for (const flag of flags.filter((word) => word.startsWith('--'))) expect(help).toContain(` ${flag}`);
    for (const variable of container.env) expect(known).toContain(variable.name);
  });

  it('mounts a secret for each URL, readable by its group, and a place to write to', () => {
    const [mounted, temporary] = container.volumeMounts;
    const [secret, folder] = pod.volumes;
    expect(mounted).toMatchObject({ name: secret!.name, mountPath: '/secrets', readOnly: true });
    expect(secret!.secret!.defaultMode).toBe(0o440);
    expect(temporary).toMatchObject({ name: folder!.name, mountPath: image.TMPDIR });
    expect(folder!.emptyDir).toBeDefined();
    const table = fs.readFileSync(path.join(KUBERNETES, 'README.md'), 'utf8');
    const [, keys = ''] = new RegExp(`^\\| \`${secret!.secret!.secretName}\` \\| (.*) \\|$`, 'm').exec(
      table,
    )!;
    const files = container.env.filter((each) => each.name.endsWith('_FILE')).map(({ value }) => value);
    expect(files.map((file) => `\`${path.basename(file)}\``).join(', ')).toBe(keys);
    for (const file of files) expect(path.dirname(file)).toBe('/secrets');
  });

  it("runs without root and without rights, as the image's user", () => {
    const user = Number(
      readDockerfile()
        .stages.at(-1)!
        .steps.find(({ keyword }) => keyword === 'USER')!
        .text.split(':')[0],
    );
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(container.resources.limits.memory).toBeDefined();
    expect(container.image).toBe(readComposeFile().services.colophon.image);
  });
});

it('the Deployment has one pod at a time, probes on the port that it listens on, and time to stop', () => {
  const { spec } = readManifest('consumer');
  expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
  const pod = podOf(readManifest('consumer'));
  const [container] = pod.containers;
  expect(container.ports).toEqual([{ name: 'metrics', containerPort: port }]);
  expect(container.env).toContainEqual({ name: 'COLOPHON_LISTEN', value: `0.0.0.0:${port}` });
  expect(container.livenessProbe!.httpGet).toEqual({ path: '/healthz', port: 'metrics' });
  expect(container.readinessProbe!.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(30);
  expect(spec.template.metadata.annotations).toEqual({
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(port),
    'prometheus.io/path': '/metrics',
  });
  const monitor = readManifest('pod-monitor');
  expect(monitor.spec.selector.matchLabels).toEqual(spec.selector.matchLabels);
  expect(monitor.spec.podMetricsEndpoints).toEqual([
    expect.objectContaining({ port: 'metrics', path: '/metrics' }),
  ]);
});

it('Jobs end by themselves, and one retention runs at a time', () => {
  expect(readManifest('init').spec).toMatchObject({ backoffLimit: 3, activeDeadlineSeconds: 600 });
  expect(readManifest('retention').spec).toMatchObject({ concurrencyPolicy: 'Forbid' });
  for (const name of ['init', 'retention'])
    expect(podOf(readManifest(name))).toMatchObject({ restartPolicy: 'Never' });
});
