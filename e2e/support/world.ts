import { createServer, type Server as HttpServer } from 'node:http';
import type { APIRequestContext, APIResponse, Browser, BrowserContext, Locator, Page } from '@playwright/test';
import type { Server } from './server.js';

export const PASSWORD = 'una ronda de mates';

/** A member of the workspace, signed in through the API. */
export class Person {
  constructor(
    readonly name: string,
    readonly email: string,
    /** Id of the agent, which is also the id of the user. */
    readonly id: number,
    private readonly context: BrowserContext,
    private readonly url: string,
  ) {}

  get api(): APIRequestContext {
    return this.context.request;
  }

  /** A page of this person's browser. */
  async page(path: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.url + path);
    return page;
  }

  async get<T>(path: string): Promise<T> {
    return answer(await this.api.get(`${this.url}/api/v1${path}`));
  }

  async send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, data?: unknown, version?: number): Promise<T> {
    const headers: Record<string, string> = { 'X-Ronda': '1', Origin: this.url };
    if (version !== undefined) headers['If-Match'] = `"${version}"`;
    const body = data === undefined ? {} : { data };
    return answer(await this.api.fetch(`${this.url}/api/v1${path}`, { method, headers, ...body }));
  }
}

async function answer<T>(response: APIResponse): Promise<T> {
  const text = await response.text();
  if (!response.ok()) throw new Error(`${response.url()}: ${response.status()} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

interface Me {
  agent: { id: number };
}

/** A workspace with people, made through the API as an integrator would. */
export class World {
  private constructor(
    readonly server: Server,
    private readonly browser: Browser,
    readonly owner: Person,
  ) {}

  static async begin(server: Server, browser: Browser, workspace = 'Aurora Mates'): Promise<World> {
    const context = await newContext(browser, server.url);
    const person = new Person('Olga Núñez', 'olga@example.com', 0, context, server.url);
    const me = await person.send<Me>('POST', '/setup', {
      code: server.setupCode,
      workspace_name: workspace,
      name: person.name,
      email: person.email,
      password: PASSWORD,
    });
    return new World(server, browser, new Person(person.name, person.email, me.agent.id, context, server.url));
  }

  /** A member with their own browser. */
  async join(name: string, role: 'agent' | 'supervisor' | 'administrator' = 'agent'): Promise<Person> {
    const email = `${plain(name.split(' ')[0] ?? name)}@example.com`;
    const invitation = await this.owner.send<{ link: string }>('POST', '/invitations', { email, role, groups: [] });
    const token = new URL(invitation.link).pathname.split('/').pop();
    const context = await newContext(this.browser, this.server.url);
    const guest = new Person(name, email, 0, context, this.server.url);
    const answers = { name, public_name: name.split(' ')[0], password: PASSWORD };
    const me = await guest.send<Me>('POST', `/invitations/${token}/accept`, answers);
    const person = new Person(name, email, me.agent.id, context, this.server.url);
    return person;
  }

  /** Switches automatic assignment on; what is not named keeps the values of the model configuration Support. */
  async policy(values: Record<string, unknown>): Promise<void> {
    const presets = await this.owner.get<{ support: object }>('/routing-policies/presets');
    const current = await this.owner.get<{ version: number }>('/routing-policies/current');
    const policy = { ...presets.support, ...values };
    await this.owner.send('POST', '/routing-policies', { policy, reach: 'open_too', if_version: current.version });
  }

  /** A chat for a web site, and a site that shows it: on another origin, as in life. */
  async shop(settings: Record<string, unknown> = {}): Promise<Shop> {
    const body = { kind: 'web_chat', name: 'Tienda', settings };
    const account = await this.owner.send<{ id: number; snippet: string }>('POST', '/channel-accounts', body);
    const shop = await Shop.open(account, this.browser);
    this.shops.push(shop);
    return shop;
  }

  private readonly shops: Shop[] = [];

  async end(): Promise<void> {
    for (const shop of this.shops) shop.close();
    for (const context of this.browser.contexts()) await context.close();
  }
}

/** A customer's own site with our snippet in it. */
export class Shop {
  private constructor(
    /** Id of the channel account. */
    readonly id: number,
    private readonly http: HttpServer,
    readonly url: string,
    private readonly browser: Browser,
  ) {}

  static async open({ id, snippet }: { id: number; snippet: string }, browser: Browser): Promise<Shop> {
    const page = `<!doctype html><html lang="es"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>Aurora Mates</title><main><h1>Mates</h1></main>${snippet}</html>`;
    const http = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(page));
    await new Promise<void>((resolve) => http.listen(0, 'localhost', resolve));
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return new Shop(id, http, `http://localhost:${address.port}/`, browser);
  }

  close(): void {
    this.http.close();
    this.http.closeAllConnections();
  }

  /** Somebody opens the page. */
  async enter(path = ''): Promise<Visit> {
    const page = await (await newContext(this.browser, this.url)).newPage();
    await page.goto(this.url + path);
    return new Visit(page);
  }

  /** Somebody opens the page and the chat in it. */
  async visit(): Promise<Visit> {
    const { page } = await this.enter();
    await page.getByRole('button', { name: 'Abrir el chat' }).click();
    return new Visit(page);
  }
}

/** A visitor with the chat open. */
export class Visit {
  constructor(readonly page: Page) {}

  get messages(): Locator {
    return this.page.getByRole('region', { name: 'Mensajes' });
  }

  get launcher(): Locator {
    return this.page.getByRole('button', { name: 'Abrir el chat' });
  }

  get box(): Locator {
    return this.page.getByRole('textbox', { name: 'Mensaje' });
  }

  /** What the page's own code says to the chat. */
  async says(command: string, value?: unknown): Promise<void> {
    await this.page.waitForFunction(() => 'Ronda' in window);
    await this.page.evaluate(
      ([command, value]) => (window as unknown as { Ronda(command: unknown, value: unknown): void }).Ronda(command, value),
      [command, value],
    );
  }

  async write(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Mensaje' }).fill(text);
    await this.page.getByRole('button', { name: 'Enviar' }).click();
  }
}

/** Letters without accents, for addresses. */
function plain(name: string): string {
  return name.normalize('NFD').replace(/[\u0300-\u036f]/gu, '').toLowerCase();
}

async function newContext(browser: Browser, baseURL: string): Promise<BrowserContext> {
  return browser.newContext({
    baseURL,
    locale: 'es-AR',
    timezoneId: 'America/Argentina/Buenos_Aires',
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
  });
}
