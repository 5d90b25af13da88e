// Pivots of one's own: all trades with all their measures, which the viewer groups, filters and draws while they tick.

import { make, setText } from './dom.js';
import { buildDrill } from './drill.js';
import { exportShown } from './export_shown.js';
import { queryOf } from './feed.js';
import { count, plural } from './format.js';
import { Frame } from './frame.js';
import { pivotEngine, viewerIn } from './pivot_engine.js';
import { isSame, lawful } from './pivot_rules.js';

const LIVE_PACE_SECONDS = 0.5;
const TELL_AFTER_MS = 350;
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

export function buildExplore(host, key, emit, data, tell) {
  const first = { mode: data.mode, period: data.seconds };
  const frame = new Frame(host, { kind: 'explore', key, title: data.title || 'Pivot', paced: true, livePace: LIVE_PACE_SECONDS, first });
  const name = `trades_${++tables}`;
  const pivot = { viewer: null, table: null, schema: {}, theme: '', said: '', restored: '', chain: Promise.resolve() };
  const rules = frame.root.insertBefore(make('p', 'db-rules', { role: 'note', hidden: '' }), frame.body);
  const box = frame.body.appendChild(make('div', 'db-pivot'));
  const drill = buildDrill(frame.body, { tell, columns: data.drill_columns });
  let latest = data;
  let timer = 0;
  let fault = '';
  pivotEngine(data.engine).catch(() => {}); // it loads while the rows are on their way; what goes wrong is told there

  for (const [form, label] of FORMS) {
    const title = `Download what is shown as ${label}`;
    const button = frame.tools.appendChild(make('button', 'db-tool db-word', { type: 'button', text: label, title }));
    button.addEventListener('click', () => save(form));
  }
  if (data.editable) {
    const edit = frame.tools.appendChild(make('button', 'db-tool db-word', { type: 'button', text: 'Edit', title: 'Choose rows, columns, filters and charts' }));
    edit.addEventListener('click', () => pivot.viewer?.toggleConfig());
  }

  frame.isDrawn = () => 'arranged' in box.dataset;
  frame.emptyText = () => {
    if (fault) return fault;
    return frame.shown && !frame.shown.rows ? 'No trades match the filters.' : '';
  };

  // The engine's steps come one after the other: a second message may come while the first is still loading.
  function next(step) {
    pivot.chain = pivot.chain.then(() => !frame.closed && step()).catch((error) => {
      console.error('deltaboard, pivot:', error);
      fault = 'The pivot could not be shown. Reload the page; if it stays so, reset the view.';
      frame.showState(frame.table);
    });
    return pivot.chain;
  }

  // Puts what came into the pivot's table.
  async function pour(messages) {
    for (const { streams, gone, isSnapshot } of messages) {
      if (isSnapshot) {
        await (pivot.table ? pivot.table.replace(streams[0]) : begin(streams[0]));
        continue;
      }
      for (const stream of streams) await pivot.table.update(stream);
      if (gone.length) await pivot.table.remove(gone);
    }
  }

  async function begin(snapshot) {
    const engine = await pivotEngine(latest.engine);
    pivot.table = await engine.table(snapshot, { index: latest.index, name });
    pivot.schema = await pivot.table.schema();
    const viewer = (pivot.viewer = await viewerIn(box, engine, themeOf()));
    drill.use(engine, name, themeOf);
    await restore(latest.pivot);
    viewer.addEventListener('perspective-config-update', () => changed());
    viewer.addEventListener('perspective-click', (event) => clicked(event.detail));
    box.dataset.arranged = '';
    frame.showState(frame.table);
  }

  const themeOf = () => (frame.root.dataset.theme === 'dark' ? 'Pro Dark' : 'Pro Light');

  async function restyle() {
    if (pivot.theme === themeOf()) return;
    pivot.theme = themeOf();
    await pivot.viewer.restore({ theme: pivot.theme });
  }

  // Shows a configuration; columns that are no more are left out, and said.
  async function restore(wanted) {
    const { config, missing } = known(wanted ?? {}, pivot.schema);
    pivot.restored = JSON.stringify(wanted ?? {});
    const { aggregates, notes } = await obey(config);
    sayRules([...(missing.length ? [`This view has ${missing.join(', ')}, which there is no more.`] : []), ...notes]);
    pivot.theme = themeOf();
    await pivot.viewer.restore({
      ...EMPTY,
      ...config,
      aggregates: { ...config.aggregates, ...aggregates },
      columns_config: withFormats(config),
      theme: pivot.theme,
      title: null,
      table: name,
    });
    pivot.said = kept(await pivot.viewer.save());
  }

  // As many decimals as the measure has, where the view does not say.
  function withFormats(config) {
    const said = config.columns_config ?? {};
    const formats = latest.columns.map(({ label, decimals: places }) => [label, { number_format: decimals(places), ...said[label] }]);
    return { ...said, ...Object.fromEntries(formats) };
  }

  async function obey(config) {
    const whole = { ...EMPTY, columns: [], ...config };
    const { expression_schema: computed } = await pivot.table.validate_expressions(config.expressions ?? {});
    const schema = { ...pivot.schema, ...computed };
    return lawful(whole, { columns: latest.columns, schema, currencies: frame.shown?.currencies.length ?? 1 });
  }

  function changed() {
    next(async () => {
      const config = await pivot.viewer.save();
      const { aggregates, notes } = await obey(config);
      sayRules(notes);
      if (!isSame(aggregates, config)) {
        await pivot.viewer.restore({ aggregates: { ...config.aggregates, ...aggregates } });
        return; // which says that it changed
      }
      clearTimeout(timer);
      timer = setTimeout(() => say(config), TELL_AFTER_MS);
    });
  }

  function say(config) {
    const text = kept(config);
    if (!latest.editable || text === pivot.said) return;
    pivot.said = text;
    pivot.restored = '';
    tell.state('pivot', JSON.parse(text));
  }

  function sayRules(notes) {
    setText(rules, notes.join(' '));
    rules.hidden = !notes.length;
  }

  function clicked({ row, config }) {
    if (row?.Trade && !row.__ROW_PATH__) drill.show(row.Trade, []);
    else drill.show('', config?.filter ?? []);
  }

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

  frame.paint = (rows) => {
    next(() => pour(rows.taken()));
    describe();
  };

  return {
    update(said) {
      latest = said;
      frame.update(said);
      setText(frame.title, said.title || 'Pivot');
      frame.use('explore', queryOf(said));
      const wanted = JSON.stringify(said.pivot ?? {});
      if (pivot.viewer && wanted !== pivot.restored && wanted !== pivot.said) next(() => restore(said.pivot));
      if (pivot.viewer) next(restyle);
    },
    close() {
      clearTimeout(timer);
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
function kept({ theme, table, title, version, settings, ...config }) {
  return JSON.stringify(config);
}

const decimals = (places) => ({ minimumFractionDigits: places, maximumFractionDigits: places });

// A configuration without the columns that the table does not have.
function known(wanted, schema) {
  const has = (name) => name in schema || name in (wanted.expressions ?? {});
  const missing = new Set();
  const keep = (name) => name === null || has(name) || !missing.add(name);
  const config = { ...wanted };
  for (const list of ['columns', 'group_by', 'split_by']) if (wanted[list]) config[list] = wanted[list].filter(keep);
  for (const list of ['sort', 'filter']) if (wanted[list]) config[list] = wanted[list].filter(([name]) => keep(name));
  return { config, missing: [...missing] };
}
