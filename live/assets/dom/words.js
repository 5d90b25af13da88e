// The one rule of every search: each word stands somewhere in the row. storage/core/text_search.py is the same for the store.

/** @param {string} text */
export const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** @param {string[]} words @param {string[]} texts */
export function hasEvery(words, texts) {
  const row = texts.join('\n').toLowerCase();
  return words.every((word) => row.includes(word));
}
