import type { Entry } from '../files/site.ts';
import { bytesInWords } from './quantities.ts';

/** A page that shows what is in a folder. */
export function listingPage(segments: readonly string[], entries: readonly Entry[], more: boolean): string {
  const title = escapeHtml(`/${segments.map((segment) => `${segment}/`).join('')}`);
  const up = segments.length > 0 ? row('../', '../', '', '') : '';
  const rows = entries.map(({ name, isFolder, size, modified }) => {
    const slash = isFolder ? '/' : '';
    // `./`: a name with a colon would be taken for a scheme.
    const date = `${modified.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return row(`./${encodeURIComponent(name)}${slash}`, `${name}${slash}`, isFolder ? '' : bytesInWords(size), date);
  });
  const rest = more ? '<p>There is more here than a page should have.</p>\n' : '';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
<h1>${title}</h1>
<table>
${up}${rows.join('')}</table>
${rest}</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Of a listing: nothing but its own style. */
export const listingPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

function row(link: string, name: string, size: string, date: string): string {
  return `<tr><td><a href="${escapeHtml(link)}">${escapeHtml(name)}</a><td>${size}<td>${date}\n`;
}

const style =
  ':root{color-scheme:light dark;font:15px/1.6 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}' +
  'h1{font-size:1.1rem;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}td{padding:.15rem .5rem;border-bottom:1px solid #8883}' +
  'td:first-child{overflow-wrap:anywhere}td+td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;opacity:.75}' +
  'a{text-decoration:none}a:hover{text-decoration:underline}';
