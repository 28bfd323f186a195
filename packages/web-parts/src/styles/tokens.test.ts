import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const page = readFileSync(new URL("../../../../docs/explanation/design.md", import.meta.url), "utf8");

type Colour = readonly [light: string, dark: string];
const colours = new Map<string, Colour>(
  [...css.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name = "", light = "", dark = ""]) => [name, [light, dark]],
  ),
);

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function assertContrast(front: string, ground: string, least: number): void {
  const fronts = colours.get(front);
  const grounds = colours.get(ground);
  assert.ok(fronts !== undefined && grounds !== undefined, `${front} or ${ground} is no colour`);
  for (const theme of [0, 1] as const) {
    const ratio = contrast(fronts[theme], grounds[theme]);
    assert.ok(ratio >= least, `--${front} on --${ground}: ${ratio.toFixed(2)}, at least ${least}`);
  }
}

test("text can be read on each of its grounds, in both themes", () => {
  for (const ground of ["ground", "surface", "sunken", "hover"])
    for (const text of ["text", "muted", "accent", "ok", "warning", "danger"])
      assertContrast(text, ground, 4.5);
  assertContrast("on-accent", "accent", 4.5);
  assertContrast("on-accent", "accent-hover", 4.5);
  for (const kind of ["warning", "danger"]) assertContrast(kind, `${kind}-soft`, 4.5);
  assertContrast("text", "added", 4.5);
  assertContrast("text", "removed", 4.5);
});

test("borders of controls and the focus can be seen, in both themes", () => {
  for (const ground of ["ground", "surface"])
    for (const border of ["line-strong", "focus"]) assertContrast(border, ground, 3);
});

test("the page about the design has each colour, and no other one", () => {
  const rows = [...page.matchAll(/^\| `--([a-z-]+)` \| `(#[0-9a-f]{6})` \| `(#[0-9a-f]{6})` \|/gm)].map(
    ([, name, light, dark]) => [name, light, dark],
  );
  assert.deepEqual(
    rows,
    [...colours].map(([name, [light, dark]]) => [name, light, dark]),
  );
});
