import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test as base, expect, type Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import { Server } from './server.js';
import { Simulator } from './simulator.js';
import { World } from './world.js';

export { expect };

/** Tests get a server of their own, and those that ask for it a workspace with an owner. */
export const test = base.extend<{ server: Server; world: World; simulator: Simulator }>({
  server: async ({}, use, info) => {
    const server = await Server.start();
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach('server log', { body: server.log, contentType: 'text/plain' });
    }
    await server.stop();
  },
  world: async ({ server, browser }, use) => {
    const world = await World.begin(server, browser);
    await use(world);
    await world.end();
  },
  simulator: async ({ server }, use) => {
    const simulator = await Simulator.start(server);
    await use(simulator);
    await simulator.stop();
  },
  baseURL: async ({ server }, use) => use(server.url),
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');

/** Fails naming every element that breaks WCAG 2.2 AA as far as a program can tell. With `goOn` the test fails at its end. */
export async function expectAccessible(page: Page, goOn = false): Promise<void> {
  // Evaluated from outside: our pages allow no script but their own.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const results = await axe.run({ runOnly: { type: 'tag', values: tags } });
    return results.violations.flatMap((rule) =>
      rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.target.join(' ')} — ${rule.help}`),
    );
  });
  const judge = goOn ? expect.soft : expect;
  judge(found, `accessibility of ${page.url()}`).toEqual([]);
}
