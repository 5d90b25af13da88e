import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cardLayout, digitsWide } from '../../../../live/assets/panels/card_layout.js';

const SEVEN = [8, 9, 9, 8, 8, 8, 8];
const leastOf = ({ template }) => [...template.matchAll(/(\d+)px/g)].map(([, pixels]) => Number(pixels));

test('a separator is half as wide as a digit', () => {
  assert.equal(digitsWide('\u22121,234.5'), 7);
  assert.equal(digitsWide(''), 0);
});

test('the cards take as few lines as there is room for', () => {
  assert.deepEqual([2400, 1300, 700, 350, 100].map((pixels) => cardLayout(pixels, SEVEN).lines), [1, 1, 2, 4, 8]);
  assert.deepEqual([2400, 1100].map((pixels) => cardLayout(pixels, SEVEN).size), ['large', 'small']);
});

test('no card is narrower than its number, where that goes at all', () => {
  for (let pixels = 320; pixels < 2000; pixels += 7) {
    const layout = cardLayout(pixels, SEVEN);
    const total = leastOf(layout).reduce((sum, width) => sum + width, 0);
    assert.ok(total <= pixels, `${pixels}`);
    assert.ok(leastOf(layout)[0] >= 8 * (layout.size === 'large' ? 12.6 : 10.7));
  }
});

test('letters that are drawn wider take more lines', () => {
  assert.ok(cardLayout(1300, SEVEN, 2).lines > cardLayout(1300, SEVEN).lines);
});
