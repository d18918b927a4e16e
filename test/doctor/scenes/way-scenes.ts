import { launchPgBouncer, type PgBouncer } from '@colophon/testkit';
import { expect } from 'vitest';
import type { Scenario, Scene } from '../scene.js';

async function initialise(scene: Scene): Promise<void> {
  await scene.sql('CREATE TABLE todo (id int PRIMARY KEY)');
  await scene.run(['init', '--tables', 'todo']);
}

let bouncer: PgBouncer | undefined;

/** What is wrong with the way to the source. */
export const WAY_SCENES: readonly Scenario[] = [
  {
    name: 'a port where nobody listens',
    provokes: ['source.unreachable'],
    async provoke(scene) {
      await initialise(scene);
      scene.url = Object.assign(new URL(scene.url), { port: '1' }).href;
    },
    byHand: {
      'source.unreachable'(scene, { remedy }) {
        expect(remedy).toMatch(/check host and port/);
        scene.url = scene.adminUrl;
      },
    },
  },
  {
    name: 'a host that nobody knows',
    provokes: ['host.unknown', 'source.unreachable'],
    async provoke(scene) {
      await initialise(scene);
      scene.url = Object.assign(new URL(scene.url), { hostname: 'nowhere.invalid' }).href;
    },
    byHand: {
      'host.unknown'(scene, { message, remedy }) {
        expect(message).toMatch(/^nowhere\.invalid can't be looked up \(E[A-Z_]+\)$/);
        expect(remedy).toMatch(/check the name/);
        scene.url = scene.adminUrl;
      },
      'source.unreachable'() {},
    },
  },
  {
    name: 'a pooler',
    provokes: ['connection.pooled'],
    async provoke(scene) {
      await initialise(scene);
      bouncer = await launchPgBouncer(scene.server.url());
      scene.url = bouncer.url(scene.adminUrl);
    },
    async cleanUp() {
      await bouncer?.stop();
    },
  },
];

/** Likewise, of a server with a certificate. */
export const TLS_SCENES: readonly Scenario[] = [
  {
    name: 'plain text across a network',
    provokes: ['tls.none'],
    async provoke(scene) {
      await initialise(scene);
      scene.url = elsewhere(scene.url);
    },
  },
  {
    name: 'encryption to whoever answers',
    provokes: ['tls.unverified'],
    async provoke(scene) {
      await initialise(scene);
      scene.url = `${elsewhere(scene.url)}?sslmode=require`;
    },
  },
];

/** This machine by an address that nobody takes for it: on Linux it leads to 127.0.0.1. */
export const OTHER_HOST = '0.0.0.0';

function elsewhere(url: string): string {
  return Object.assign(new URL(url), { hostname: OTHER_HOST }).href;
}
