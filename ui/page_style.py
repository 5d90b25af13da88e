"""The few styles that Streamlit's theme does not reach: the page is dense, and nothing but data takes room."""

import streamlit as st

_STYLE = """
<style>
.stMainBlockContainer { padding: 0.5rem 0.9rem 0.9rem; max-width: none; }
header[data-testid=stHeader] { height: 2.6rem; min-height: 0; background: transparent; pointer-events: none; }
header[data-testid=stHeader] * { pointer-events: none; }
[data-testid=stMainMenu], [data-testid=stMainMenu] *,
[data-testid=stExpandSidebarButton], [data-testid=stExpandSidebarButton] * { pointer-events: auto !important; }
[data-testid=stStatusWidget] { display: none; }
button[aria-label^="Download as CSV"] { display: none; }
[data-testid=stSidebarHeader] { height: 2.6rem; padding-bottom: 0; align-items: center; }
[data-testid=stSidebarHeader]::before { content: "Deltaboard"; font-weight: 650; font-size: 15px; flex: 1; }
.st-key-board [data-testid=stVerticalBlock], .st-key-board { gap: 0.55rem; }
.st-key-toolbar button { min-height: 1.75rem; padding: 0.1rem 0.7rem; border-radius: 999px; font-size: 12px; }
.stVerticalBlock.st-key-day { padding: 0.55rem 0.8rem 0; overflow: hidden; background: light-dark(#ffffff, #151a21); }
[class*=st-key-follows] [data-stale=true], .st-key-day [data-stale=true] { opacity: 1 !important; }
.st-key-toolbar { gap: 0.4rem; padding-right: 1.6rem; }
.st-key-board [data-testid=stColumn]:has(.st-key-toolbar) { flex: 0 0 max-content; }
.st-key-board [data-testid=stColumn]:has(+ [data-testid=stColumn] .st-key-toolbar) { flex: 1 1 0; min-width: 0; }
.st-key-identity [data-testid=stText] {
  font-size: 12px; font-weight: 600; overflow-wrap: anywhere; white-space: normal;
}
.st-key-identity { gap: 0.4rem; }
.st-key-my_views button { min-height: 1.6rem; padding: 0.1rem 0.45rem; }
.st-key-my_views button > div { width: 100%; justify-content: flex-start; }
.st-key-my_views button p { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 13px; }
.st-key-sign_in_page { padding-top: 14vh; }
.stApp:has(.st-key-sign_in_page) [data-testid=stSidebar] { display: none; }
[class*=st-key-start_] .db-title { display: none; }
.stApp [data-testid=stCaptionContainer] { opacity: 0.82; }
button[data-selected=true]:is([data-variant=segmented_control], [data-variant=pills]),
button[data-selected=true]:is([data-variant=segmented_control], [data-variant=pills]) p {
  color: light-dark(#1257a8, #6cb0ff);
}
:is(a, button, summary, [tabindex="0"]:not(input, textarea, .db-panel *)):focus-visible {
  outline: 2px solid light-dark(#1668c7, #5aa9ff) !important; outline-offset: 1px; box-shadow: none !important;
}
@media (max-width: 800px) {
  .stMainBlockContainer, [data-testid=stMainBlockContainer]:has(.db-panel) { padding-top: 2.6rem; }
  .stApp header[data-testid=stHeader] { height: 2.4rem; background: var(--st-background-color, inherit); }
  .stApp .st-key-toolbar { flex-wrap: wrap; justify-content: flex-start; padding-right: 0; }
}
@media (max-width: 1100px) {
  .st-key-board > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock],
  [class*=st-key-beside] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] { flex-wrap: wrap; }
  .st-key-board > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] > [data-testid=stColumn],
  [class*=st-key-beside] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] > [data-testid=stColumn] {
    min-width: 100%;
  }
  .st-key-toolbar { flex-wrap: wrap; justify-content: flex-start; }
  [class*=st-key-filters] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] { flex-wrap: wrap; }
  [class*=st-key-filters] [data-testid=stColumn] { min-width: 11rem; }
}
.stApp:is([data-test-connection-state^=DISCONNECTED], [data-test-connection-state=PINGING_SERVER])::after {
  content: "No connection to Deltaboard. What you see is the last that came; it goes on by itself.";
  position: fixed; z-index: 999990; top: 0; left: 50%; transform: translateX(-50%);
  padding: 0.3rem 0.9rem; border-radius: 0 0 6px 6px; font-size: 13px; color: #fff; background: #b82a37;
  opacity: 0; animation: db-lost 0.2s 1.5s forwards;
}
body:has(.stApp[data-test-connection-state=PINGING_SERVER]) [data-testid=stDialog] { display: none; }
@keyframes db-lost { to { opacity: 1; } }
.stApp:has([data-testid=stExpandSidebarButton]) .stMainBlockContainer { padding-top: 2.6rem; }
</style>
"""


def apply_page_style() -> None:
    """Put the styles into the page.

    A table's own download is hidden: a text in it may be a formula. The export menu gives files without any.
    """
    st.html(_STYLE)
