const STEPS = ['ArrowDown', 'ArrowUp', 'j', 'k'];

let last = '';
window.addEventListener('keydown', (event) => (last = event.key), true);
window.addEventListener('pointerdown', () => (last = ''), true);

/** The list of conversations itself, not a line of it, while nobody chooses among them. */
export function inList(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('[role="listbox"].rows:not([aria-multiselectable])');
}

/** Whether somebody goes through the list by keys: what opens on the way must not take the caret from it. */
export function walking(): boolean {
  return STEPS.includes(last) && document.activeElement?.closest('.rows') != null;
}
