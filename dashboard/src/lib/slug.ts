// A stream's name from its title: letters without their marks, figures, dashes; what the server allows.
export function slug(title: string): string {
  const plain = title.replaceAll('ß', 'ss').replaceAll(/[äÄ]/g, 'ae').replaceAll(/[öÖ]/g, 'oe').replaceAll(/[üÜ]/g, 'ue').normalize('NFKD').replaceAll(/\p{M}/gu, '');
  return plain.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, 64).replace(/[-.]+$/, '') || (title.trim() ? 'stream' : '');
}
