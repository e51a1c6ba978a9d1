// The part of ICU MessageFormat that the catalogue uses: {name}, {n, plural, ...}, {x, select, ...}, # and <b>.

export type Node =
  | { type: 'text'; text: string }
  | { type: 'value'; name: string }
  | { type: 'count' }
  | { type: 'bold'; nodes: Node[] }
  | { type: 'choice'; name: string; plural: boolean; cases: Map<string, Node[]> };
export type Values = Record<string, string | number>;
export interface Piece { text: string; bold: boolean }

class Reader {
  at = 0;
  readonly source: string;
  constructor(source: string) { this.source = source; }
  fail(what: string): never { throw new Error(`${what} at ${this.at} of "${this.source}"`); }
  space(): void { while (/\s/.test(this.source[this.at] ?? '')) this.at += 1; }
  word(): string {
    this.space();
    const found = /^[=\w]+/.exec(this.source.slice(this.at));
    if (!found) this.fail('a name is missing');
    this.at += found[0].length;
    this.space();
    return found[0];
  }
  expect(mark: string): void {
    if (!this.source.startsWith(mark, this.at)) this.fail(`${mark} is missing`);
    this.at += mark.length;
  }

  nodes(end: '' | '}' | '</b>', inPlural: boolean): Node[] {
    const nodes: Node[] = [];
    let text = '';
    const flush = (): void => { if (text) nodes.push({ type: 'text', text }); text = ''; };
    while (this.at < this.source.length) {
      if (end && this.source.startsWith(end, this.at)) { this.at += end.length; flush(); return nodes; }
      const mark = this.source[this.at]!;
      if (mark === '{') { flush(); this.at += 1; nodes.push(this.argument(inPlural)); }
      else if (this.source.startsWith('<b>', this.at)) { flush(); this.at += 3; nodes.push({ type: 'bold', nodes: this.nodes('</b>', inPlural) }); }
      else if (mark === '#' && inPlural) { flush(); this.at += 1; nodes.push({ type: 'count' }); }
      else if (mark === '}') this.fail('} without {');
      else { text += mark; this.at += 1; }
    }
    if (end) this.fail(`${end} is missing`);
    flush();
    return nodes;
  }

  argument(inPlural: boolean): Node {
    const name = this.word();
    if (this.source[this.at] === '}') { this.at += 1; return { type: 'value', name }; }
    this.expect(',');
    const kind = this.word();
    if (kind !== 'plural' && kind !== 'select') this.fail(`${kind} is not known`);
    this.expect(',');
    const cases = new Map<string, Node[]>();
    this.space();
    while (this.source[this.at] !== '}') {
      if (this.at >= this.source.length) this.fail('} is missing');
      const key = this.word();
      this.expect('{');
      cases.set(key, this.nodes('}', inPlural || kind === 'plural'));
      this.space();
    }
    this.at += 1;
    if (!cases.has('other')) this.fail('other is missing');
    return { type: 'choice', name, plural: kind === 'plural', cases };
  }
}

export function parse(message: string): Node[] { return new Reader(message).nodes('', false); }

/** Names that a message asks for. */
export function names(nodes: Node[], into = new Set<string>()): Set<string> {
  for (const node of nodes) {
    if (node.type === 'value') into.add(node.name);
    else if (node.type === 'bold') names(node.nodes, into);
    else if (node.type === 'choice') { into.add(node.name); node.cases.forEach((part) => names(part, into)); }
  }
  return into;
}

const rules = new Map<string, Intl.PluralRules>();
const figures = new Map<string, Intl.NumberFormat>();
const kept = <T>(map: Map<string, T>, locale: string, make: () => T): T => {
  let value = map.get(locale);
  if (!value) map.set(locale, (value = make()));
  return value;
};

/** The message as pieces of plain text; what comes from outside is text and stays text. */
export function pieces(nodes: Node[], values: Values, locale: string, bold = false, count?: number, into: Piece[] = []): Piece[] {
  const put = (text: string): void => {
    const last = into.at(-1);
    if (last && last.bold === bold) last.text += text; else into.push({ text, bold });
  };
  const figure = (value: number): string => kept(figures, locale, () => new Intl.NumberFormat(locale)).format(value);
  for (const node of nodes) {
    if (node.type === 'text') put(node.text);
    else if (node.type === 'count') put(figure(count ?? 0));
    else if (node.type === 'bold') pieces(node.nodes, values, locale, true, count, into);
    else {
      const value = values[node.name];
      if (node.type === 'value') put(value === undefined ? '–' : typeof value === 'number' ? figure(value) : value);
      else {
        const number = Number(value);
        const rule = node.plural ? kept(rules, locale, () => new Intl.PluralRules(locale)).select(number) : String(value);
        const chosen = (node.plural ? node.cases.get(`=${number}`) : undefined) ?? node.cases.get(rule) ?? node.cases.get('other')!;
        pieces(chosen, values, locale, bold, node.plural ? number : count, into);
      }
    }
  }
  return into;
}

export function format(nodes: Node[], values: Values, locale: string): string {
  return pieces(nodes, values, locale).map((piece) => piece.text).join('');
}
