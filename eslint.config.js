// Style of everything that is written in JavaScript; ./test runs it.

import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['.venv/', '.cache/', 'var/', 'live/assets/built/'] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'array-callback-return': 'error',
      'consistent-return': 'off', // a call is returned to leave a function, as in `return this.closeMenu()`
      eqeqeq: 'error',
      'no-constructor-return': 'error',
      'no-duplicate-imports': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-self-compare': 'error',
      'no-shadow': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-rename': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'require-atomic-updates': 'off', // the steps of a pivot come one after the other by a chain of their own
    },
  },
  { files: ['live/assets/**/*.js'], languageOptions: { globals: globals.browser } },
  { files: ['*.config.js', 'tests/**/*.js'], languageOptions: { globals: globals.node } },
];
