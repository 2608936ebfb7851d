import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** A word in the markup is a text somebody reads: it belongs in the catalogs. */
const texts = [
  { selector: 'JSXText[value=/[\\p{L}]{2,}/u]', message: 'Texts belong in src/i18n.' },
  {
    selector: 'JSXAttribute[name.name=/^(aria-label|title|placeholder|alt|label)$/] > Literal[value=/[\\p{L}]{2,}/u]',
    message: 'Texts belong in src/i18n.',
  },
];

/** A feature may use what is shared, never another feature. */
const features = ['auth', 'console', 'routing', 'wall', 'people', 'channels', 'settings', 'account'];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.d.ts'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      'no-restricted-syntax': ['error', ...texts],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  ...features.map((name) => ({
    files: [`src/features/${name}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: `^@/features/(?!${name}(/|$))`, message: 'Features do not import each other.' }] },
      ],
    },
  })),
  {
    files: ['src/{ui,lib,api,i18n,realtime}/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^@/(features|app)/', message: 'Shared code does not know features.' }] },
      ],
    },
  },
  { files: ['src/**/*.test.{ts,tsx}', 'dev/**'], rules: { 'no-restricted-syntax': 'off', 'no-console': 'off' } },
);
