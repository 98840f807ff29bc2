import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const CLOCK = 'Time has one door: ask the Clock of the store.';
const ENVIRONMENT = 'The environment has one door: src/config.';

const timeProperties = [
  { object: 'Date', property: 'now', message: CLOCK },
  { object: 'performance', property: 'now', message: CLOCK },
  { object: 'process', property: 'hrtime', message: CLOCK },
];
const timeSyntax = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
];
const environmentProperties = [{ object: 'process', property: 'env', message: ENVIRONMENT }];
const environmentSyntax = [
  { selector: 'ImportDeclaration[source.value=/^(node:)?process$/]', message: ENVIRONMENT },
];

const doors = (properties, syntax) => ({
  'no-restricted-properties': ['error', ...properties],
  'no-restricted-syntax': ['error', ...syntax],
});

export default defineConfig(
  { ignores: ['dist/', 'dist-test/', 'coverage/', 'reports/', 'data/', '.stryker-tmp/', 'examples/'] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,js,mjs,cjs}'],
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-unreachable': 'error',
      'no-constant-condition': 'error',
      'no-param-reassign': 'error',
      'object-shorthand': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A Nest module is a class with a decorator and nothing in it.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Nest and its Swagger module declare their bags of options as classes, which nobody makes instances of.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A number in a message reads as one would write it.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => call()` is the short form of a listener; what it returns is of no interest.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A method of a port is async so that it rejects and never throws, also where nothing is awaited.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      ...doors([...timeProperties, ...environmentProperties], [...timeSyntax, ...environmentSyntax]),
    },
  },
  {
    files: ['src/config/**/*.ts'],
    rules: doors(timeProperties, timeSyntax),
  },
  {
    files: ['src/storage/**/*clock*.ts', 'src/client/steady-clock.ts', 'src/http/stopwatch.ts'],
    rules: doors(environmentProperties, environmentSyntax),
  },
  {
    // Where the process begins: it hands its environment to src/config, and may print what a person reads.
    files: ['src/main.ts', 'src/tracing.ts', 'src/openapi.ts', 'src/cli/**/*.ts'],
    rules: { 'no-console': 'off', ...doors(timeProperties, timeSyntax) },
  },
  {
    // The extension API keeps its former names.
    files: ['src/extension.ts', 'src/storage/former-names.ts', 'test/unit/storage/former-names.test.ts'],
    rules: {
      '@typescript-eslint/no-deprecated': 'off',
      '@typescript-eslint/unified-signatures': ['error', { ignoreOverloadsWithDifferentJSDoc: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A test reads an answer as what it expects it to be; the expectation is the check.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      // A flag that the code under test sets in another turn of the event loop looks constant to the compiler.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // expect(object.method) does not call it.
      '@typescript-eslint/unbound-method': 'off',
      // A fake has methods with nothing in them.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      // `case 'fail': return void expect(…)` would hide the expectation.
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
);
