// The theme of the page as its whole document knows it: what Streamlit shows outside of its own root is themed by it, too.

const APP = '[data-testid=stApp]';

/** @param {Element} app */
function follow(app) {
  const take = () => (document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme);
  take();
  new MutationObserver(take).observe(app, { attributes: true, attributeFilter: ['class'] });
}

const app = document.querySelector(APP);
if (app) follow(app);
else {
  const waiting = new MutationObserver(() => {
    const come = document.querySelector(APP);
    if (!come) return;
    waiting.disconnect();
    follow(come);
  });
  waiting.observe(document.body ?? document.documentElement, { childList: true, subtree: true });
}
