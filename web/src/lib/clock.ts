import { useSyncExternalStore } from 'react';

/**
 * The server's clock as seen from here. Each sample is late by the way it travelled, so the largest difference of the
 * recent ones is the nearest to the truth.
 */
const SAMPLES = 8;
const samples: number[] = [];
let offset = 0;

export function sampleServerTime(server: number, here = Date.now()): void {
  samples.push(server - here);
  if (samples.length > SAMPLES) samples.shift();
  offset = Math.max(...samples);
}

export function resetClock(): void {
  samples.length = 0;
  offset = 0;
}

/** Now, by the server's clock, in milliseconds. */
export function serverNow(): number {
  return Date.now() + offset;
}

let now = serverNow();
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = serverNow();
  listeners.forEach((listener) => listener());
  timer = setTimeout(tick, 1_000 - (serverNow() % 1_000));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) tick();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearTimeout(timer);
  };
}

/** The server's time, renewed each second: one timer for all clocks of the page. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => now,
  );
}
