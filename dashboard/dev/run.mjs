// `npm run dev`: the fixture server, and Vite before it.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = process.env.MANYCAST_DEV_API ? [] : [spawn('node', ['dev/server.mjs', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })];
const all = [...own, spawn('npx', ['vite'], { cwd: root, stdio: 'inherit' })];
for (const child of all) child.on('exit', () => { all.forEach((other) => other.kill()); process.exit(); });
