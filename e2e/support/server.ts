import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 20_000;
const STOP_MS = 10_000;
const CLOCK_STEP_S = 20;
/** Time for the server's loops to look at the new time. */
const CLOCK_REST_MS = 250;

/** The real binary on a folder of its own, which goes away with it. */
export class Server {
  private constructor(
    /** `http://127.0.0.1:port` */
    readonly url: string,
    /** What proves at the first run that one can read the server's output; empty afterwards. */
    readonly setupCode: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly output: string[],
  ) {}

  /** Starts the binary named by RONDA_BIN and waits until it says where it is; `more` is of its environment. */
  static async start(more: Record<string, string> = {}): Promise<Server> {
    const binary = process.env['RONDA_BIN'];
    if (!binary) throw new Error('RONDA_BIN must name the binary; `cargo xtask test --only e2e` does so');
    const folder = await mkdtemp(join(tmpdir(), 'ronda-e2e-'));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = spawn(binary, ['serve', '--listen', `127.0.0.1:${port}`, '--data', folder], {
      // Nothing of the caller's own configuration may reach the server of a test.
      env: { PATH: process.env['PATH'] ?? '', RONDA_LOG: process.env['RONDA_E2E_LOG'] ?? 'warn', ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stderr.on('data', (text: Buffer) => output.push(text.toString()));
    const greeting = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not start:\n${output.join('')}`)), START_MS);
      const fail = (what: string) => {
        clearTimeout(late);
        reject(new Error(`${what}:\n${output.join('')}`));
      };
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code) => fail(`the server ended with ${code}`));
      let text = '';
      child.stdout.on('data', (more: Buffer) => {
        text += more.toString();
        if (!text.includes('\n')) return;
        clearTimeout(late);
        resolve(text);
      });
    });
    child.removeAllListeners('exit');
    const code = /code (\S+)/.exec(greeting)?.[1] ?? '';
    return new Server(url, code, child, folder, output);
  }

  /** Moves the server's clock forward, in steps that are shorter than what the server takes for an outage of its own. */
  async advance(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= CLOCK_STEP_S) {
      const millis = Math.min(left, CLOCK_STEP_S) * 1000;
      const answer = await fetch(`${this.url}/testing/clock`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ millis }),
      });
      if (!answer.ok) throw new Error(`the clock answered ${answer.status}: ${await answer.text()}`);
      await new Promise((resolve) => setTimeout(resolve, CLOCK_REST_MS));
    }
  }

  /** What the server has logged. */
  get log(): string {
    return this.output.join('');
  }

  /** Asks the server to end, and kills it when it does not. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.once('exit', resolve));
      this.process.kill('SIGTERM');
      const kill = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(kill);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      listener.close(() => resolve(address.port));
    });
  });
}
