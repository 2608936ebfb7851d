import { type ChildProcess, spawn } from 'node:child_process';
import { freePort } from './server.js';

/** A debug build fills its history for a while. */
const START_MS = 120_000;

/** The demo of the real binary, with its shop, its telephone and people who work. */
export class Demo {
  private constructor(
    readonly url: string,
    readonly phone: string,
    readonly password: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(rate: number, agents: number): Promise<Demo> {
    const binary = process.env['RONDA_BIN'];
    if (!binary) throw new Error('RONDA_BIN must name the binary; `make pictures` does so');
    const [port, simulator] = [await freePort(), await freePort()];
    const listen = ['--listen', `127.0.0.1:${port}`, '--simulator', `127.0.0.1:${simulator}`];
    const child = spawn(binary, ['demo', ...listen, '--rate', String(rate), '--agents', String(agents)], {
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const greeting = await new Promise<string>((resolve, reject) => {
      let text = '';
      const late = setTimeout(() => reject(new Error(`the demo did not start:\n${text}`)), START_MS);
      child.once('exit', (code) => reject(new Error(`the demo ended with ${code}:\n${text}`)));
      child.stdout.on('data', (more: Buffer) => {
        text += more.toString();
        if (!text.includes('Ctrl-C')) return;
        clearTimeout(late);
        resolve(text);
      });
    });
    child.removeAllListeners('exit');
    const find = (pattern: RegExp) => pattern.exec(greeting)?.[1] ?? '';
    return new Demo(`http://127.0.0.1:${port}`, find(/WhatsApp phone (\S+)/), find(/password: (\S+)/), child);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(kill);
  }
}
