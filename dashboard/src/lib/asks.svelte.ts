// Questions that are asked from several places, each once.
import { preferences, remember } from './preferences.svelte';

class Asks {
  /** The list of keys is open. */
  keyboard = $state(false);
  /** Leaving Screen-share mode is asked. */
  unmask = $state(false);
  /** The stream to go live with, or to end. */
  goLive = $state<string | null>(null);
  end = $state<string | null>(null);

  /** On at once; off only after a question. */
  mask(): void { if (preferences.masked) this.unmask = true; else remember('masked', true); }
}

export const asks = new Asks();
