import type es from './panel.es';

export default {
  'panel.title': 'Control panel',
} satisfies Record<keyof typeof es, string>;
