// The joined files in the repository are those of its modules, and every module of ours is in one of them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import test from 'node:test';
import { joined, OUTPUT } from '../../../../esbuild.config.js';

const ALONE = ['page/first_paint.js', 'panels/component.js']; // they stand on a page by themselves
const { outputFiles, metafile } = await joined(false);

test('the files are what esbuild makes of the modules: npm run build', () => {
  assert.deepEqual(readdirSync(OUTPUT).sort(), outputFiles.map((file) => basename(file.path)).sort());
  for (const file of outputFiles) assert.equal(readFileSync(join(OUTPUT, basename(file.path)), 'utf8'), file.text);
});

test('a module that is in none would be asked for by nobody', () => {
  const assets = join(OUTPUT, '..');
  const modules = readdirSync(assets, { recursive: true }).filter((name) => name.endsWith('.js') && !name.startsWith('built'));
  const root = join(assets, '..', '..');
  const inThem = Object.keys(metafile.inputs).map((name) => relative(assets, join(root, name)));
  assert.deepEqual(modules.filter((name) => !inThem.includes(name)).sort(), ALONE);
});
