// Where the dashboard begins.
import './styles/tokens.css';
import './styles/parts.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { useLanguage } from './lib/i18n/index.svelte';
import { showTheme } from './lib/preferences.svelte';
import { session } from './lib/session.svelte';

showTheme();
await useLanguage();
const target = document.getElementById('app');
if (target) mount(App, { target });
void session.ask();
