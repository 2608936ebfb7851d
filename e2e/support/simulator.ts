import { type ChildProcess, spawn } from 'node:child_process';
import { freePort, type Server } from './server.js';
import type { Person } from './world.js';

const NUMBER = { phone_number_id: '100000000000001', waba_id: '200000000000001' };
const START_MS = 10_000;

/** The platform's stand-in, from the same binary, with people who write by telephone. */
export class Simulator {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(server: Server): Promise<Simulator> {
    return Simulator.run(['--callback', `${server.url}/webhooks/meta`]);
  }

  /** One that gives numbers to whoever shows the key. */
  static async sandbox(key: string): Promise<Simulator> {
    return Simulator.run(['--sandbox-key', key]);
  }

  private static async run(more: string[]): Promise<Simulator> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = spawn(process.env['RONDA_BIN'] ?? '', ['simulator', '--listen', `127.0.0.1:${port}`, ...more], {
      env: { PATH: process.env['PATH'] ?? '', RONDA_LOG: 'warn' },
      stdio: 'ignore',
    });
    const until = Date.now() + START_MS;
    while (!(await fetch(`${url}/_sim/state`).then((answer) => answer.ok, () => false))) {
      if (Date.now() > until) throw new Error('the simulator did not start');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new Simulator(url, child);
  }

  /** Connects the sandbox number to somebody's workspace. */
  async connect(owner: Person): Promise<void> {
    const secrets = { access_token: 'sim-token', app_secret: 'sim-app-secret' };
    await owner.send('POST', '/channel-accounts', { kind: 'whatsapp', name: 'Ventas', ...NUMBER, ...secrets, graph_url: this.url });
  }

  /** Somebody writes; who they are is made when they are new. */
  async writes(phone: string, text: string): Promise<void> {
    const answer = await this.post(`people/${phone}/messages`, { text });
    if (answer.status !== 404) return;
    await this.post('people', { name: '', phone: `+${phone}` });
    await this.post(`people/${phone}/messages`, { text });
  }

  private async post(path: string, body: unknown): Promise<Response> {
    const answer = await fetch(`${this.url}/_sim/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok && answer.status !== 404) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }
}
