// Whether the board is dark or light: read from the luminance of the page's own background.

/** @type {Map<string, boolean>} */
const known = new Map(); // colour -> whether it is dark: to ask the browser is to have it work out the page's styles

/** @param {HTMLElement} root */
export function applyTheme(root) {
  const style = getComputedStyle(root);
  const background = style.getPropertyValue('--st-background-color').trim();
  if (background && !known.has(background)) known.set(background, isDark(root, background));
  const theme = (background ? known.get(background) : prefersDark()) ? 'dark' : 'light';
  if (root.dataset.theme !== theme) root.dataset.theme = theme;
}

function prefersDark() {
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** @param {HTMLElement} root @param {string} colour */
function isDark(root, colour) {
  const probe = document.createElement('i');
  probe.hidden = true;
  probe.style.color = colour;
  root.append(probe);
  const channels = getComputedStyle(probe).color.match(/[\d.]+/g)?.slice(0, 3).map(Number) ?? [255, 255, 255];
  probe.remove();
  const [red, green, blue] = channels.map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.3;
}

export function prefersLessMotion() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
