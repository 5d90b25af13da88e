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
.st-key-board [data-testid=stHorizontalBlock]:has(> * > * > * > .st-key-toolbar) {
  flex-wrap: wrap; justify-content: flex-end;
}
.st-key-board [data-testid=stColumn]:has(+ [data-testid=stColumn] .st-key-toolbar) { flex: 1 1 560px; min-width: 0; }
.st-key-explore_bar, .st-key-view_menu { gap: 0.5rem; }
.st-key-explore_bar { padding-right: 1.6rem; }
.st-key-explore_bar button { min-height: 2.2rem; padding: 0.2rem 0.6rem; }
@media (min-width: 1200px) {
  .stHorizontalBlock.st-key-explore_bar, .stHorizontalBlock.st-key-view_menu { flex-wrap: nowrap; }
  .st-key-view_menu .stElementContainer:has([data-testid=stSelectbox]) { flex: 0 1 200px; min-width: 150px; }
  .st-key-explore_bar .stElementContainer:has([data-testid=stCaptionContainer]) { flex: 0 1 auto; min-width: 0; }
  .st-key-explore_bar > [data-testid=stLayoutWrapper]:has(.st-key-view_menu) { flex: 0 1 auto; min-width: 0; }
  .st-key-explore_bar [data-testid=stCaptionContainer] p {
    overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  }
}
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
.st-key-board { container: board / inline-size; }
.st-key-board [data-testid=stColumn]:has(.st-key-panel_market) { min-width: 270px; }
.st-key-board [data-testid=stHorizontalBlock]:has(> * > * > .st-key-panel_market) { flex-wrap: nowrap; }
.st-key-board [data-testid=stColumn]:has(.st-key-panel_summary) { min-width: 0; }
@container board (max-width: 1000px) {
  .st-key-board [data-testid=stHorizontalBlock]:has(> * > * > .st-key-panel_market) { flex-wrap: wrap; }
  .st-key-board [data-testid=stHorizontalBlock]:has(> * > * > .st-key-panel_market) > [data-testid=stColumn] {
    flex: 1 1 100%; min-width: 100%;
  }
  .st-key-panel_market, .st-key-panel_market .stBidiComponent,
  .st-key-panel_market .stBidiComponent div:has(> .db-host) { flex-basis: auto !important; height: auto !important; }
  .st-key-panel_market .db-panel { height: 238px !important; }
}
@container board (max-width: 760px) {
  .st-key-board [data-testid=stHorizontalBlock]:has(> * > * > * > .st-key-toolbar) > [data-testid=stColumn] {
    flex: 1 1 100%; min-width: 100%; max-width: 100%;
  }
  .st-key-board .stHorizontalBlock.st-key-toolbar { flex-wrap: wrap; justify-content: flex-start; padding-right: 0; }
}
@media (max-width: 800px) {
  .stMainBlockContainer, [data-testid=stMainBlockContainer]:has(.db-panel) { padding-top: 2.6rem; }
}
@media (max-width: 1100px) {
  [class*=st-key-beside] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] { flex-wrap: wrap; }
  [class*=st-key-beside] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] > [data-testid=stColumn] {
    min-width: 100%;
  }
  [class*=st-key-filters] > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] { flex-wrap: wrap; }
  [class*=st-key-filters] [data-testid=stColumn] { min-width: 11rem; }
}
.stApp:is([data-test-connection-state^=DISCONNECTED], [data-test-connection-state=PINGING_SERVER])::after {
  content: "Connection lost. Showing the last data received; reconnecting automatically.";
  position: fixed; z-index: 999990; top: 0; left: 50%; transform: translateX(-50%);
  padding: 0.3rem 0.9rem; border-radius: 0 0 6px 6px; font-size: 13px; color: #fff; background: #b82a37;
  opacity: 0; animation: db-lost 0.2s 1.5s forwards;
}
body:has(.stApp[data-test-connection-state=PINGING_SERVER]) [data-testid=stDialog] { display: none; }
@keyframes db-lost { to { opacity: 1; } }
.stApp:has([data-testid=stExpandSidebarButton]) .stMainBlockContainer { padding-top: 2.6rem; }
.stApp:has([data-testid=stExpandSidebarButton]) header[data-testid=stHeader][data-testid=stHeader] {
  height: 2.4rem; background: light-dark(#f4f5f7, #0e1116);
}
#vg-tooltip-element.vg-tooltip {
  padding: 5px 8px; font-variant-numeric: tabular-nums; box-shadow: none;
  color: light-dark(#1c232d, #d7dde6); background: light-dark(#ffffff, #1d2733);
  border: 1px solid light-dark(#e1e5ea, #3a4452); border-radius: 5px;
}
#vg-tooltip-element.vg-tooltip table tr td.key { color: light-dark(#58616e, #9ca6b3); }
</style>
"""


def apply_page_style() -> None:
    """Put the styles into the page.

    A table's own download is hidden: a text in it may be a formula. The export menu gives files without any.
    """
    st.html(_STYLE)
