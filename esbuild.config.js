// Joins what a page asks for into one file an entry: `npm run build` after any change below live/assets.
// The files that it writes are in the repository, so that whoever runs the product needs no Node.

import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const ENTRIES = ['panels/panel', 'pivot/file_links', 'page/every_page'];

export const OUTPUT = fileURLToPath(new URL('live/assets/built', import.meta.url));

/** @param {boolean} write @returns {Promise<import('esbuild').BuildResult>} */
export const joined = (write) =>
  build({
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
    entryPoints: ENTRIES.map((entry) => `live/assets/${entry}.js`),
    outdir: OUTPUT,
    entryNames: '[name]',
    bundle: true,
    format: 'esm',
    target: 'es2024',
    charset: 'utf8',
    minify: true,
    metafile: true,
    write,
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) await joined(true);
