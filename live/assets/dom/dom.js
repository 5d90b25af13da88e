// How an element is made: tag, class and attributes; data become text, never markup.

/**
 * @template {string} Tag
 * @typedef {Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement} ElementOf
 */

/**
 * `text` among the attributes is the text of the element; one that is null is not set.
 * @template {string} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {Record<string, string | null | undefined>} [attributes]
 */
export function make(tag, className = '', attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') element.textContent = value ?? '';
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return /** @type {ElementOf<Tag>} */ (element);
}

/** @param {Node} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Element} element @param {string} name @param {unknown} value */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === '') {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, String(value));
  }
}
