// Pivots of one's own: all trades with all their measures, which the viewer groups, filters and draws while they tick.

import { Answers } from '../pivot/answers.js';
import { CellClicks } from '../pivot/cell_clicks.js';
import { keepPointer } from '../pivot/chart_pointer.js';
import { make, setText } from '../dom/dom.js';
import { buildDrill } from '../pivot/drill.js';
import { exportShown } from '../pivot/export_shown.js';
import { queryOf } from '../wire/feed.js';
import { count, plural, timeOfDay } from '../dom/format.js';
import { Frame } from './frame.js';
import { clickOf, pivotEngine, viewerIn } from '../pivot/pivot_engine.js';
import { gridOf, workByKeyboard } from '../pivot/pivot_keys.js';
import { isSame, lawful } from '../pivot/pivot_rules.js';

/** @import { EngineTable, Look, NumberColumn, PivotConfig, Schema, Viewer } from '../pivot/pivot_engine.js' */
/** @import { PivotRows } from '../wire/pivot_rows.js' */
/** @import { PanelData } from './frame.js' */
/** @import { Tell } from './panel.js' */
/** @import { Emit } from './selection.js' */

/**
 * What a pivot gets of Python besides what every panel gets.
 * @typedef {object} PivotData
 * @property {string} [title]
 * @property {import('./mode.js').Mode} mode
 * @property {number} seconds
 * @property {boolean} editable
 * @property {string} index the column that is the key of the rows
 * @property {string} engine the folder of the engine
 * @property {NumberColumn[]} columns
 * @property {string[]} drill_columns
 * @property {Partial<PivotConfig>} [pivot]
 */

/** @typedef {PanelData & PivotData} ExploreData */
/** @typedef {PivotConfig & Record<string, unknown>} Saved */

/** @typedef {ReturnType<PivotRows['taken']>} Messages */

const LIVE_PACE_SECONDS = 0.5;
const TELL_AFTER_MS = 350;
/** @type {Record<string, string>} */
const STANDING = { paused: 'feed paused, ', ended: 'replay over, ', stopped: 'no feed, ' };
const FORMS = [
  ['csv', 'CSV'],
  ['xlsx', 'Excel'],
  ['parquet', 'Parquet'],
];
// A configuration replaces the one before: what it does not say is not left as it was.
const EMPTY = {
  plugin: 'Datagrid',
  plugin_config: {},
  group_by: [],
  split_by: [],
  sort: [],
  filter: [],
  expressions: {},
  group_rollup_mode: 'rollup',
  split_rollup_mode: 'flat',
};
let tables = 0;

/**
 * @param {HTMLElement} host
 * @param {string} key
 * @param {Emit} emit
 * @param {ExploreData} data
 * @param {Tell} tell
 */
export function buildExplore(host, key, emit, data, tell) {
  const first = { mode: data.mode, period: data.seconds };
  /** @type {Frame<PivotRows>} */
  const frame = new Frame(host, { kind: 'explore', key, title: data.title || 'Pivot', paced: true, livePace: LIVE_PACE_SECONDS, first });
  const tableName = `trades_${++tables}`;
  const pivot = {
    viewer: /** @type {Viewer | null} */ (null),
    table: /** @type {EngineTable | null} */ (null),
    schema: /** @type {Schema} */ ({}),
    theme: '',
    said: '',
    restored: '',
    grouped: '',
    plugin: /** @type {unknown} */ (''),
    formatted: /** @type {Set<string>} */ (new Set()),
    chain: /** @type {Promise<unknown>} */ (Promise.resolve()),
  };
  const viewerThere = () => /** @type {Viewer} */ (pivot.viewer); // where there is one
  const tableThere = () => /** @type {EngineTable} */ (pivot.table);
  const rules = frame.root.insertBefore(make('p', 'db-rules', { role: 'note', hidden: '' }), frame.body);
  const box = frame.body.appendChild(make('div', 'db-pivot'));
  const drill = buildDrill(frame.body, { tell, columns: data.drill_columns, leave: () => gridOf(box)?.focus() });
  const keys = workByKeyboard(box, { name: 'Pivot', viewOf: async () => viewerThere().getView(), escape });
  const clicks = new CellClicks();
  box.addEventListener('pointerdown', () => clicks.clicked(), true);
  box.addEventListener('click', () => clicks.clicked(), true);
  const pointAgain = keepPointer(box);
  const answers = new Answers();
  let latest = data;
  let timer = 0;
  /** @type {HTMLElement | null} */
  let editButton = null;
  pivotEngine(data.engine).catch(() => {}); // it loads while the rows are on their way; what goes wrong is told there

  for (const [form, label] of FORMS) {
    const title = `Download what is shown as ${label}`;
    const button = frame.tools.appendChild(make('button', 'db-tool db-word', { type: 'button', text: label, title }));
    button.addEventListener('click', () => save(form));
  }
  if (data.editable) {
    const edit = frame.tools.appendChild(make('button', 'db-tool db-word', { type: 'button', text: 'Edit', title: 'Choose rows, columns, filters and charts' }));
    edit.addEventListener('click', () => pivot.viewer?.toggleConfig());
    editButton = edit;
  }

  // Escape closes what is open: the list of trades, or the side where the pivot is arranged.
  function escape() {
    if (drill.shut()) return true;
    if (!pivot.viewer?.hasAttribute('settings')) return false;
    pivot.viewer.toggleConfig(false);
    editButton?.focus();
    return true;
  }

  // The side draws its fields anew, and the one that had the focus is gone: Escape is then nobody's but ours.
  const escaped = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape' && document.activeElement === document.body) escape();
  };
  document.addEventListener('keydown', escaped);

  frame.isDrawn = () => 'arranged' in box.dataset;
  frame.emptyText = () => {
    return frame.shown && !frame.shown.rows ? 'No trades match the filters.' : '';
  };

  // The engine's steps come one after the other: a second message may come while the first is still loading.
  /** @param {() => unknown} step */
  function next(step) {
    pivot.chain = pivot.chain.then(() => !frame.closed && step()).catch((error) => {
      console.error('deltaboard, pivot:', error);
      const way = latest.editable ? 'Choose another one at \u201cStart with\u201d, or reload the page.' : 'Reload the page, or open it on Explore.';
      frame.fault = `The pivot could not be shown. ${way}`;
      frame.showState(frame.table);
    });
    return pivot.chain;
  }

  // Puts what came into the pivot's table.
  /** @param {Messages} messages */
  async function pour(messages) {
    for (const { streams, gone, isSnapshot } of messages) {
      if (isSnapshot) {
        await (pivot.table ? pivot.table.replace(streams[0]) : begin(streams[0]));
        continue;
      }
      for (const stream of streams) await tableThere().update(stream);
      if (gone.length) await tableThere().remove(gone);
    }
  }

  /** @param {ArrayBuffer} snapshot */
  async function begin(snapshot) {
    const engine = await pivotEngine(latest.engine);
    const table = await engine.table(snapshot, { index: latest.index, name: tableName });
    pivot.table = table;
    pivot.schema = await table.schema();
    const viewer = (pivot.viewer = await viewerIn(box, engine, themeOf()));
    drill.use({ engine, table: tableName, themeOf, formats: formatsOf(latest.columns, pivot.schema) });
    await restore(latest.pivot);
    viewer.addEventListener('perspective-config-update', () => changed());
    viewer.addEventListener('perspective-click', (event) => answered(clickOf(event)));
    box.dataset.arranged = '';
    frame.showState(frame.table);
  }

  const themeOf = () => (frame.root.dataset.theme === 'dark' ? 'Pro Dark' : 'Pro Light');

  async function restyle() {
    if (pivot.theme === themeOf()) return;
    pivot.theme = themeOf();
    await viewerThere().restore({ theme: pivot.theme });
  }

  // The cells of before are no more, nor what they answer.
  function putAway() {
    clicks.arranged();
    drill.putAway();
  }

  // Shows a configuration; columns that are no more are left out, and said.
  /** @param {Partial<PivotConfig> | undefined} wanted */
  async function restore(wanted) {
    putAway();
    const { config, missing } = known(wanted ?? {}, pivot.schema);
    pivot.restored = JSON.stringify(wanted ?? {});
    const { aggregates, notes } = await obey(config);
    sayRules([...(missing.length ? [`This view has ${missing.join(', ')}, which there is no more.`] : []), ...notes]);
    pivot.theme = themeOf();
    await viewerThere().restore({
      ...EMPTY,
      columns: Object.keys(pivot.schema).filter(isNoKey),
      ...config,
      aggregates: { ...config.aggregates, ...aggregates },
      columns_config: withFormats(config),
      theme: pivot.theme,
      title: null,
      table: tableName,
    });
    const shown = await viewerThere().save();
    pivot.said = kept(shown);
    pivot.grouped = groupedBy(shown);
    frame.fault = '';
  }

  // As many decimals as the measure has, and dates that cannot be misread, where the view does not say.
  /** @param {Partial<PivotConfig>} config */
  function withFormats(config) {
    const said = config.columns_config ?? {};
    const formats = Object.entries(formatsOf(latest.columns, pivot.schema)).map(([name, format]) => [name, { ...format, ...said[name] }]);
    return { ...said, ...Object.fromEntries(formats) };
  }

  const isNoKey = (/** @type {string | null} */ name) => name !== latest.index;

  /** @param {Partial<PivotConfig>} config */
  async function obey(config) {
    const whole = { ...EMPTY, columns: [], ...config };
    const { expression_schema: computed } = await tableThere().validate_expressions(config.expressions ?? {});
    const schema = { ...pivot.schema, ...computed };
    return lawful(whole, { columns: latest.columns, schema, currencies: frame.shown?.currencies.length ?? 1 });
  }

  // The engine forgets how a column looks that is not shown, and of all when a chart takes the place of the grid: whatever
  // is shown anew is told again, and nothing else, because the engine would forget that a moment later, and the view would
  // have changed by itself.
  /** @param {Saved} config @returns {Promise<Saved>} */
  async function formatted(config) {
    const formats = formatsOf(latest.columns, pivot.schema);
    if (config.plugin !== pivot.plugin) pivot.formatted = new Set();
    pivot.plugin = config.plugin;
    const shown = [...config.columns.filter((each) => each !== null), ...config.group_by, ...config.split_by].filter((name) => name in formats);
    const anew = shown.filter((name) => !pivot.formatted.has(name) && !config.columns_config?.[name]);
    pivot.formatted = new Set(shown);
    if (!anew.length) return config;
    const looks = Object.fromEntries(anew.map((name) => [name, formats[name]]));
    await viewerThere().restore({ columns_config: { ...config.columns_config, ...looks } });
    return viewerThere().save();
  }

  function changed() {
    next(async () => {
      const config = await viewerThere().save();
      if (!config.columns.every(isNoKey)) {
        await viewerThere().restore({ columns: config.columns.filter(isNoKey) }); // all columns are shown where all are taken back
        return; // which says that it changed
      }
      const { aggregates, notes } = await obey(config);
      sayRules(notes);
      if (!isSame(aggregates, config)) {
        await viewerThere().restore({ aggregates: { ...config.aggregates, ...aggregates } });
        return; // which says that it changed
      }
      if (groupedBy(config) !== pivot.grouped) putAway();
      pivot.grouped = groupedBy(config);
      const told = await formatted(config);
      clearTimeout(timer);
      timer = setTimeout(() => say(told), TELL_AFTER_MS);
    });
  }

  /** @param {Saved} config */
  function say(config) {
    const text = kept(config);
    if (!latest.editable || text === pivot.said) return;
    pivot.said = text;
    pivot.restored = '';
    answers.tell(text);
    tell.state('pivot', JSON.parse(text));
  }

  /** @param {string[]} notes */
  function sayRules(notes) {
    setText(rules, notes.join(' '));
    rules.hidden = !notes.length;
  }

  /** @param {import('../pivot/pivot_engine.js').Clicked} click */
  function answered({ row, config }) {
    const trade = row?.Trade && !row.__ROW_PATH__ ? row.Trade : '';
    keys.answer(async (byKeyboard) => {
      if (clicks.answers()) await drill.show(trade, trade ? [] : (config?.filter ?? []), byKeyboard);
    });
  }

  /** @param {string} form */
  async function save(form) {
    const title = latest.title || 'Pivot';
    const problem = pivot.viewer ? await exportShown(await pivot.viewer.getView(), form, { title, about: about() }) : 'There is nothing to download yet.';
    sayRules(problem ? [problem] : []);
  }

  function about() {
    const { statuses = [], books = [] } = latest.filters ?? {};
    return { 'As of': frame.shown?.asOfDate ?? '', Observed: frame.shown?.observedAt ?? '', Statuses: statuses.join(', '), Books: books.join(', ') };
  }

  function describe() {
    const rows = frame.shown;
    if (!rows) return;
    const lacking = rows.withoutValue ? `, ${count(rows.withoutValue)} without a value` : '';
    setText(frame.subtitle, plural(rows.rows, 'row') + lacking);
  }

  // There is no status line beside a pivot: its own head says as of when it is, and whether it still moves.
  const plainNote = frame.noteOf.bind(frame);
  frame.noteOf = () => {
    const note = plainNote();
    const { shown, feed } = frame;
    if (note.text || !shown) return note;
    const title = `As of ${[shown.asOfDate, shown.observedAt && `${timeOfDay(shown.observedAt)} UTC`].filter(Boolean).join(', ')}`;
    const isNewest = shown.asOfDate === feed?.status?.latest_as_of_date;
    if (!isNewest || !shown.observedAt) return { text: `as of ${shown.asOfDate}`, tone: null, title };
    const words = STANDING[feed?.status?.feed?.state ?? ''];
    return { text: `${words ?? ''}${timeOfDay(shown.observedAt)} UTC`, tone: words ? 'warn' : null, title, spoken: words?.replace(', ', '') };
  };

  frame.paint = (rows) => {
    next(() => pour(rows.taken()));
    next(pointAgain);
    describe();
  };

  return {
    /** @param {ExploreData} said */
    update(said) {
      latest = said;
      frame.update(said);
      setText(frame.title, said.title || 'Pivot');
      frame.use('explore', queryOf(said));
      const wanted = JSON.stringify(said.pivot ?? {});
      const isNews = answers.isNews(wanted);
      if (pivot.viewer && isNews && wanted !== pivot.restored && wanted !== pivot.said) next(() => restore(said.pivot));
      if (pivot.viewer) next(restyle);
    },
    close() {
      clearTimeout(timer);
      document.removeEventListener('keydown', escaped);
      drill.close();
      frame.close();
      pivot.chain = pivot.chain.then(async () => {
        await pivot.viewer?.delete();
        await pivot.table?.delete();
      }).catch((error) => console.warn('deltaboard, pivot:', error));
    },
  };
}

// What of a configuration makes a view: not how this page looks, nor what its table is called.
/** @param {Saved} config */
function kept({ theme, table, title, version, settings, ...config }) {
  return JSON.stringify(config);
}

// What tells which trades are behind a cell.
/** @param {PivotConfig} config */
const groupedBy = ({ group_by, split_by, filter }) => JSON.stringify([group_by, split_by, filter]);

// How the numbers and dates of a table look; their signs and words are those of the reader's browser.
/** @param {NumberColumn[]} columns @param {Schema} schema @returns {Record<string, Look>} */
function formatsOf(columns, schema) {
  const digits = (/** @type {number} */ decimals) => ({ minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const numbers = columns.map(({ label, decimals }) => [label, { number_format: { ...digits(decimals), useGrouping: 'always', signDisplay: 'negative' } }]);
  const dates = Object.keys(schema).filter((name) => schema[name] === 'date').map((name) => [name, { date_format: { dateStyle: 'medium' } }]);
  return Object.fromEntries([...numbers, ...dates]);
}

// A configuration without the columns that the table does not have.
/** @param {Partial<PivotConfig>} wanted @param {Schema} schema */
function known(wanted, schema) {
  const has = (/** @type {string} */ name) => name in schema || name in (wanted.expressions ?? {});
  /** @type {Set<string>} */
  const missing = new Set();
  const keep = (/** @type {string | null} */ name) => name === null || has(name) || !missing.add(name);
  const { columns, group_by, split_by, sort, filter, ...rest } = wanted;
  const config = {
    ...rest,
    ...(columns && { columns: columns.filter(keep) }),
    ...(group_by && { group_by: group_by.filter(keep) }),
    ...(split_by && { split_by: split_by.filter(keep) }),
    ...(sort && { sort: sort.filter(([name]) => keep(name)) }),
    ...(filter && { filter: filter.filter(([name]) => keep(name)) }),
  };
  return { config, missing: [...missing] };
}
