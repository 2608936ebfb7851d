import { createStoredStore } from './store';

export type Theme = 'system' | 'light' | 'dark';

/** Chosen per browser; `system` follows the device. */
export const theme = createStoredStore<Theme>('ronda.theme', 'system');

export function applyTheme(): void {
  const chosen = theme.get();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}
