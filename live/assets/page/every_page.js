// What runs on every page, besides the panels.

import './page_theme.js';
import './keep_focus.js';
import './phone_menu.js';
import './copy_numbers.js';
