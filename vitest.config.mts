import { defineConfig } from 'vitest/config';

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
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
