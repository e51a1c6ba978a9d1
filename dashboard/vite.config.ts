// How the dashboard is built: plain files with hashed names, packed beside themselves, nothing inline.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { licences } from './build/licences.ts';
import { budget, packed } from './build/output.ts';
import { tokensTwice } from './build/tokens.ts';

const api = process.env.MANYCAST_DEV_API ?? 'http://127.0.0.1:8090';

export default defineConfig({
  plugins: [tokensTwice(), svelte(), licences(), budget(250_000), packed()],
  // Inlined assets would be data: addresses, which the content security policy refuses.
  build: {
    target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false,
    rollupOptions: { output: { entryFileNames: 'assets/[name]-[hash].js', chunkFileNames: 'assets/[name]-[hash].js', assetFileNames: 'assets/[name]-[hash][extname]' } },
  },
  server: { port: 5173, strictPort: true, proxy: { '/api': api } },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'jsdom' },
});
