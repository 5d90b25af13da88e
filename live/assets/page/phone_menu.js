// On a phone the menu lies over the page: whoever has chosen a page in it sees that page, not the menu.

const PHONE = '(max-width: 800px)';
const CHOICE = '[data-testid=stSidebarNav] a, .st-key-my_views button';
const CLOSE = '[data-testid=stSidebarCollapseButton] button';

document.addEventListener('click', ({ target }) => {
  if (!matchMedia(PHONE).matches || !(target instanceof Element && target.closest(CHOICE))) return;
  /** @type {HTMLElement | null} */
  const close = document.querySelector(CLOSE);
  close?.click();
});
