// Where another page is, for whoever looks: a demo identity is in the address, and goes along.

/** @param {string} page @param {Record<string, string>} [query] */
export function pageAddress(page, query = {}) {
  const asked = new URLSearchParams(query);
  const person = new URLSearchParams(location.search).get('person');
  if (person) asked.set('person', person);
  if (!asked.size) return page;
  return `${page}${page.includes('?') ? '&' : '?'}${asked}`;
}
