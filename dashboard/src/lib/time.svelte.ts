// The server's time, once a second: what clocks and countdowns are made of.
import { clock } from './api/client';

const state = $state({ now: Date.now() });

setInterval(() => { state.now = Date.now() + clock.ahead; }, 1000);

/** Now by the server's clock, in ms; changes once a second. */
export function now(): number { return state.now; }
