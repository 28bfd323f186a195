import assert from "node:assert/strict";
import { test } from "node:test";
import { screenPoint } from "./screen-point.ts";

const screen = { width: 1_000, height: 500 };

test("points of the page are pixels of the screen, whatever its size", () => {
  const same = { left: 10, top: 20, width: 1_000, height: 500 };
  assert.deepEqual(screenPoint(same, screen, 10, 20), { x: 0, y: 0 });
  assert.deepEqual(screenPoint(same, screen, 1_009.5, 519.5), { x: 999, y: 499 });
  // Half as large, with bars above and below.
  const tall = { left: 0, top: 0, width: 500, height: 450 };
  assert.deepEqual(screenPoint(tall, screen, 250, 100), { x: 500, y: 0 });
  assert.deepEqual(screenPoint(tall, screen, 250, 225), { x: 500, y: 250 });
  assert.deepEqual(screenPoint(tall, screen, 600, 10), { x: 999, y: 0 });
  assert.equal(screenPoint({ ...tall, width: 0 }, screen, 1, 1), undefined);
  assert.equal(screenPoint(tall, { width: 0, height: 0 }, 1, 1), undefined);
});
