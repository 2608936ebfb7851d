import { useEffect } from 'react';
import { useSearch } from 'wouter';

const LOOK_MS = 10_000;
const MARKED_MS = 4_000;

/** Shows and marks the setting that the address names: `?field=limit`. Pages come when they are loaded, hence the watch. */
export function useFound(): void {
  const field = new URLSearchParams(useSearch()).get('field');
  useEffect(() => {
    if (!field) return;
    let mark: ReturnType<typeof setTimeout> | undefined;
    let element: HTMLElement | null = null;
    const look = () => {
      element = document.querySelector<HTMLElement>(`[data-setting="${CSS.escape(field)}"]`);
      if (!element) return;
      watch.disconnect();
      element.scrollIntoView({ block: 'center' });
      element.classList.add('is-found');
      element.querySelector<HTMLElement>('button, input, select, textarea')?.focus({ preventScroll: true });
      mark = setTimeout(() => element?.classList.remove('is-found'), MARKED_MS);
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true });
    look();
    const end = setTimeout(() => watch.disconnect(), LOOK_MS);
    return () => {
      watch.disconnect();
      clearTimeout(end);
      clearTimeout(mark);
      element?.classList.remove('is-found');
    };
  }, [field]);
}
