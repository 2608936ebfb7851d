import { App } from '@/app/app';
import { startLanguage, showLanguage } from '@/i18n';
import { startWorker } from '@/lib/push';
import { applyTheme, theme } from '@/lib/theme';
import '@/ui/css/app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

applyTheme();
startWorker();
theme.subscribe(applyTheme);
await showLanguage(startLanguage());
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
