// What a pivot shows, as a file: the server writes it, so that there is one way of escaping and of naming columns.

import { make } from './dom.js';

const ADDRESS = '/deltaboard/export';

// Returns what went wrong, in words; nothing when the file is on its way.
export async function exportShown(view, form, { title, about }) {
  const body = await view.to_arrow();
  const query = new URLSearchParams({ form, title, ...prefixed(about) });
  let answer;
  try {
    answer = await fetch(`${ADDRESS}?${query}`, { method: 'POST', body, headers: { 'Content-Type': 'application/vnd.apache.arrow.stream' } });
  } catch {
    return 'Nothing was downloaded: the server does not answer.';
  }
  if (!answer.ok) return `Nothing was downloaded: ${await reasonOf(answer)}`;
  const link = make('a', '', { href: URL.createObjectURL(await answer.blob()), download: nameOf(answer) });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}

const prefixed = (about) => Object.fromEntries(Object.entries(about).filter(([, value]) => value).map(([name, value]) => [`about.${name}`, value]));

const nameOf = (answer) => /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'pivot';

async function reasonOf(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `the server said ${answer.status}.`;
  }
}
