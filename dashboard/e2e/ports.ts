// Ports that stay free for whoever left them: none that the system hands out by itself while a server restarts.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** The system gives connections a port from 32768 on (`ip_local_port_range`). */
const LOWEST = 12_000;
const HIGHEST = 32_000;

async function listens(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once('error', () => { done(false); });
    probe.listen(port, '127.0.0.1', () => { probe.close(() => { done(true); }); });
  });
}

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await listens(port)) return port;
  }
  throw new Error(`no port between ${LOWEST} and ${HIGHEST} is free`);
}
