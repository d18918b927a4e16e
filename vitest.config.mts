import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const TIMEOUTS = { testTimeout: 60_000, hookTimeout: 120_000 };

/** What runs on every PostgreSQL: row for row, value for value, context for context. */
const ORACLE = ['test/oracle/oracle.test.ts'];
/** What also runs on the oldest, whose servers differ most from the newest. */
const CORE = [
  'test/core/consumer.test.ts',
  'test/core/faults.test.ts',
  'test/core/special-sources.test.ts',
  'test/store/faults.test.ts',
];

/** Applications and what is installed into them: nothing there is measured in time, and the server isn't filled up or stopped. */
const APPLICATIONS = [
  'test/{adapters,cls,context,deploy,examples,http,nest,prisma,typeorm}/**/*.test.ts',
  'test/{docs-adapters,docs-context,docs-providers,packaging}.test.ts',
];
/** Where seconds, memory or what is held up by others is measured, or the server itself is struck: nothing runs beside it. */
const ALONE = [
  'test/{faults,retention,scale,soak}/**/*.test.ts',
  'test/acceptance/bounded.test.ts',
  'test/baseline/large.test.ts',
  'test/cli/{bad-input,timeout}.test.ts',
  'test/columns/ignore.test.ts',
  'test/core/{faults,slow-source}.test.ts',
  'test/store/{faults,plans}.test.ts',
];
/**
 * What waits for processes and servers more than it works: two at a time also on two cores. Files share a server then, not
 * a database, a slot or a role.
 */
const SIDE_BY_SIDE = { maxWorkers: 2 };

export default defineConfig({
  test: {
    projects: [
      // Properties run thousands of cases: on a busy machine that takes longer than the default of 5 s.
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Nest's decorators, on parameters too.
        oxc: { decorator: { legacy: true } },
        test: {
          name: 'applications',
          include: APPLICATIONS,
          globalSetup: ['test/global-setup.ts', 'test/start-server.ts'],
          ...TIMEOUTS,
          ...SIDE_BY_SIDE,
          sequence: { groupOrder: 1 },
        },
      },
      postgres(15, ORACLE),
      postgres(16, ORACLE),
      postgres(17, ORACLE),
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [...APPLICATIONS, ...ALONE, '**/node_modules/**'],
          globalSetup: ['test/start-server.ts'],
          ...TIMEOUTS,
          ...SIDE_BY_SIDE,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'alone',
          include: ALONE,
          globalSetup: ['test/start-server.ts'],
          ...TIMEOUTS,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      postgres(14, [...ORACLE, ...CORE]),
    ],
  },
});

/** Files that `integration` runs too, on the newest PostgreSQL, run again on an older one. */
function postgres(major: 14 | 15 | 16 | 17, include: string[]): TestProjectInlineConfiguration {
  const isOracleAlone = include === ORACLE;
  return {
    test: {
      name: `postgres-${major}`,
      include,
      globalSetup: ['test/start-server.ts'],
      provide: { major },
      ...TIMEOUTS,
      ...(isOracleAlone
        ? { ...SIDE_BY_SIDE, sequence: { groupOrder: 1 } }
        : { maxWorkers: 1, sequence: { groupOrder: 3 } }),
    },
  };
}
