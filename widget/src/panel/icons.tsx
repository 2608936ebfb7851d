/** Line icons on a 24 grid, drawn for this project. */
const PATHS = {
  down: 'm6 9.5 6 6 6-6',
  cross: 'M7 7l10 10M17 7 7 17',
  send: 'M4.5 12 20 4.8l-5 15.4-3.4-6.6zm7.1 1.6L20 4.8',
  clip: 'm18.5 11.5-6.7 6.7a4 4 0 0 1-5.7-5.7l7.4-7.4a2.7 2.7 0 0 1 3.8 3.8l-7.3 7.3a1.3 1.3 0 0 1-1.9-1.9l6.3-6.2',
  file: 'M13 4H7.5A1.5 1.5 0 0 0 6 5.5v13A1.5 1.5 0 0 0 7.5 20h9a1.5 1.5 0 0 0 1.5-1.5V9zm0 0v5h5',
  save: 'M12 4.5v10m0 0 4-4m-4 4-4-4M5 17.5v1A1.5 1.5 0 0 0 6.5 20h11a1.5 1.5 0 0 0 1.5-1.5v-1',
  pin: 'M12 20s6-5.4 6-10a6 6 0 0 0-12 0c0 4.6 6 10 6 10zm0-8a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  off: 'M5 5l14 14M8.5 8.7A8 8 0 0 0 5 11M2.5 8a12 12 0 0 1 3-2m5-1.3A12 12 0 0 1 21.5 8M13 9.6A8 8 0 0 1 19 11m-9.5 3.5a4 4 0 0 1 4.5-.3M12 18h.01',
  tick: 'm5 12.5 4.5 4.5L19 7.5',
  ticks: 'm2.5 12.5 4.5 4.5L16 7.5m-4.5 8.5 1 1L22 7.5',
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">
      <path d={PATHS[name]} />
    </svg>
  );
}
