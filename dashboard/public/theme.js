// Before the first paint: the theme that was chosen by hand. A file of its own, since nothing may be inline.
try {
  const theme = JSON.parse(localStorage.getItem('manycast.preferences') || '{}').theme;
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // no storage, no choice
}
