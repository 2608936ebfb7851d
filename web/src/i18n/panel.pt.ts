import type es from './panel.es';

export default {
  'panel.title': 'Painel de controle',
} satisfies Record<keyof typeof es, string>;
