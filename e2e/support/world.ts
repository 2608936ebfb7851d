import type { APIRequestContext, APIResponse, Browser, BrowserContext, Page } from '@playwright/test';
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
    const user = await this.owner.send<{ id: number }>('POST', '/users', { email, name, role, groups: [], password: PASSWORD });
    const context = await newContext(this.browser, this.server.url);
    const person = new Person(name, email, user.id, context, this.server.url);
    await person.send('POST', '/sessions', { email, password: PASSWORD });
    return person;
  }

  async end(): Promise<void> {
    for (const context of this.browser.contexts()) await context.close();
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
