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

export default defineConfig({
  test: {
    projects: [
      // Properties run thousands of cases: on a busy machine that takes longer than the default of 5 s.
      { test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 60_000 } },
      {
        // Nest's decorators, on parameters too.
        oxc: { decorator: { legacy: true } },
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts', 'test/start-server.ts'],
          ...TIMEOUTS,
        },
      },
      postgres(14, [...ORACLE, ...CORE]),
      postgres(15, ORACLE),
      postgres(16, ORACLE),
      postgres(17, ORACLE),
    ],
  },
});

/** Files that `integration` runs too, on the newest PostgreSQL, run again on an older one. */
function postgres(major: 14 | 15 | 16 | 17, include: string[]): TestProjectInlineConfiguration {
  return {
    test: {
      name: `postgres-${major}`,
      include,
      globalSetup: ['test/start-server.ts'],
      provide: { major },
      ...TIMEOUTS,
    },
  };
}
