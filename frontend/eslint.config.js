import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// Imports run shared → an app, and never between apps. Static imports and re-exports are caught by
// no-restricted-imports, import() and import types by no-restricted-syntax.
function keepOutOf(folder, others) {
  const outside = `^(\\.\\.?/)+(${others.join('|')})(/|$)`;
  const message = `${folder}/ must not import from ${others.join('/, ')}/`;
  const selector = outside.replaceAll('/', '\\/');
  return {
    files: [`${folder}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: outside, message }] }],
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression > Literal[value=/${selector}/]`, message },
        { selector: `TSImportType Literal[value=/${selector}/]`, message },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'shared/api/generated/', 'test-results/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  hooks.configs.flat.recommended,
  { files: ['build/**/*.js', '*.js'], languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } } },
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      'max-lines': ['error', 400],
      eqeqeq: 'error',
    },
  },
  { files: ['build/**/*.js'], rules: { 'no-console': 'off' } },
  { files: ['docs/public/*.js'], languageOptions: { globals: { window: 'readonly', document: 'readonly', localStorage: 'readonly', Event: 'readonly' } } },
  keepOutOf('shared', ['users', 'movers', 'track', 'docs']),
  keepOutOf('users', ['movers', 'track', 'docs']),
  keepOutOf('movers', ['users', 'track', 'docs']),
  keepOutOf('track', ['users', 'movers', 'docs']),
  keepOutOf('docs', ['users', 'movers', 'track']),
);
