// The token of a link: behind the # where it stays in the browser, or as the last part of the path.
export function tokenOfLink(param: string | undefined): string {
  const hash = decodeURIComponent(location.hash.slice(1));
  const token = hash || param || '';
  // Once read it need not stand in the address bar for others to see.
  if (token) history.replaceState(null, '', location.pathname.split('/').slice(0, 2).join('/'));
  return token;
}
