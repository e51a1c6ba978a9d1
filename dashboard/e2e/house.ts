// The built server, an encoder, platforms and what they recorded: started for the browser tests, ended with them.
// Runs with MANYCAST_BIN (default: target/debug/manycast); without it there is nothing to drive, and that is said.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@playwright/test';
import { freePort } from './ports';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
export const BIN = process.env.MANYCAST_BIN ?? join(target, 'debug/manycast');
/** What may take long on a busy machine. */
export const LONG = 45_000;

// Variables with the prefix are settings of the server: those of the test are none.
const environment = { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MANYCAST_'))), NO_COLOR: '1' };

export interface Running { child: ChildProcess; said: () => string; gone: () => boolean; stop: (signal?: NodeJS.Signals) => Promise<void> }
export interface Frame { at: number; size: number; sum: string }

export class House {
  readonly folder = mkdtempSync(join(tmpdir(), 'manycast-e2e-'));
  readonly ports: Record<'http' | 'rtmp' | 'first' | 'second', number> = { http: 0, rtmp: 0, first: 0, second: 0 };
  readonly #all: Running[] = [];

  get base(): string { return `http://127.0.0.1:${this.ports.http}`; }

  async open(): Promise<void> {
    expect(existsSync(BIN), `${BIN} is not built: cargo xtask ui, then cargo build --bin manycast`).toBe(true);
    for (const name of ['http', 'rtmp', 'first', 'second'] as const) this.ports[name] = await freePort();
  }

  run(command: string, args: string[]): Running {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
    let text = '';
    child.stdout.on('data', (part: Buffer) => { text += part.toString(); });
    child.stderr.on('data', (part: Buffer) => { text += part.toString(); });
    const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
      if (gone()) return;
      const left = new Promise((done) => { child.once('exit', done); });
      child.kill(signal);
      await left;
    };
    const made = { child, said: () => text, gone, stop };
    this.#all.push(made);
    return made;
  }

  #serve(name: string, config: string): Running {
    const file = join(this.folder, `${name}.toml`);
    writeFileSync(file, `[server]\ndata_dir = "${join(this.folder, name)}"\n[https]\nlisten = "off"\n${config}`);
    return this.run(BIN, ['serve', '--config', file]);
  }

  server(): Running {
    return this.#serve('server', `[rtmp]\nlisten = "127.0.0.1:${this.ports.rtmp}"\n[http]\nlisten = "127.0.0.1:${this.ports.http}"\n[egress]\nallow = ["127.0.0.0/8"]\n`);
  }

  /** Takes whatever is published. */
  platform(name: 'first' | 'second'): Running {
    return this.#serve(name, `[rtmp]\nlisten = "127.0.0.1:${this.ports[name]}"\nopen = true\n[http]\nlisten = "off"\n`);
  }

  /** 25 pictures a second, a key frame every two. */
  encoder(key: string): Running {
    const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25', '-f', 'lavfi', '-i', 'sine=f=440:r=48000'];
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '50', '-b:v', '800k', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    return this.run('ffmpeg', ['-hide_banner', '-loglevel', 'error', ...picture, ...coding, '-f', 'flv', `rtmp://127.0.0.1:${this.ports.rtmp}/live/${key}`]);
  }

  /** The pictures that a platform hands on, as a viewer there gets them: time in ms, size, checksum. */
  recorder(name: 'first' | 'second', key: string): Running & { frames: () => Frame[] } {
    const made = this.run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-i', `rtmp://127.0.0.1:${this.ports[name]}/live/${key}`, '-map', '0:v', '-c', 'copy', '-copyts', '-flush_packets', '1', '-f', 'framecrc', '-']);
    const frames = (): Frame[] => made.said().split('\n').slice(0, -1).map((line) => /^0,\s*(-?\d+),\s*-?\d+,\s*\d+,\s*(\d+),\s*(0x\w+)/.exec(line)).filter((found) => found !== null).map((found) => ({ at: Number(found[1]), size: Number(found[2]), sum: found[3]! }));
    return { ...made, frames };
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((each) => each.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
