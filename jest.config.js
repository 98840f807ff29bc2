/** Real ES modules under jest: run with NODE_OPTIONS=--experimental-vm-modules (see package.json). */
export default {
  testEnvironment: 'node',
  // Sources too, or coverage leaves out the files that no test loads.
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Fail-overs take their time: `npm run test:topologies` runs these.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/topologies/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        sourceMaps: 'inline',
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
      },
    ],
  },
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/task/**/*.ts', 'src/storage/**/*.ts', '!**/*.d.ts'],
  coverageReporters: ['text-summary', 'text', 'lcovonly'],
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  testTimeout: 120_000,
};
