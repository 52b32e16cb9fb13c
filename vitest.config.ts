import { defineConfig } from 'vitest/config';

/** Suites that use real engines or whole daemons: one file at a time, so that they don't disturb each other's timing. */
const SERIAL = ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/security/**/*.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'parts', include: ['test/**/*.test.ts'], exclude: SERIAL } },
      {
        extends: true,
        test: { name: 'whole', include: SERIAL, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
