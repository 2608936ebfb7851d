import type { Locator, Page } from '@playwright/test';
import type { Person } from './world.js';

/** The agent console in somebody's browser. */
export class Console {
  private constructor(readonly page: Page) {}

  static async open(person: Person, path = '/agent/mine'): Promise<Console> {
    const page = await person.page(path);
    await page.getByRole('button', { name: 'Online', exact: true }).waitFor();
    return new Console(page);
  }

  /** A line of the list, by anything it says. */
  row(text: string): Locator {
    return this.page.getByRole('option').filter({ hasText: text });
  }

  get thread(): Locator {
    return this.page.getByLabel('Mensajes', { exact: true });
  }

  get composer(): Locator {
    return this.page.getByPlaceholder('Escribir un mensaje');
  }

  /** A button of the open conversation. */
  button(name: string): Locator {
    return this.page.getByRole('region', { name: /^Conversación/ }).getByRole('button', { name, exact: true });
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  /** Confirms the open dialog with the button of this name. */
  async confirm(name: string): Promise<void> {
    await this.dialog.getByRole('button', { name, exact: true }).last().click();
    await this.dialog.waitFor({ state: 'detached' });
  }

  async tray(name: 'Sin asignar' | 'Yo' | 'Agentes' | 'Bot'): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Consola' }).getByRole('link', { name: new RegExp(`^${name}`) }).click();
  }
}
