import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { stripSources } from "./strip-sources.ts";

type Load = (url: string, context: object, next: () => string) => string | { source: string };

const reader = new URL("../packages/holdfast/bin/checkout-sources.js", import.meta.url).href;
const { loadStripped } = (await import(reader)) as {
  readonly loadStripped: (path: URL, rootUrl: string) => Load | undefined;
};

class Checkout {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-strip-"));
  readonly #url = pathToFileURL(`${this.directory}/`).href;

  constructor(t: TestContext) {
    mkdirSync(join(this.directory, "packages", "a", "src"), { recursive: true });
    t.after(() => rmSync(this.directory, { recursive: true }));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, "packages", "a", "src", name), text);
  }

  /** What a program gets that starts now: the text, or "file" if Node reads the file itself. */
  load(name: string): string {
    const load = loadStripped(new URL(".cache/sources.stripped", this.#url), this.#url);
    const loaded = load?.(`${this.#url}packages/a/src/${name}`, {}, () => "file") ?? "file";
    return typeof loaded === "string" ? loaded : loaded.source;
  }
}

test("modules are kept without their types, until they change", (t) => {
  const checkout = new Checkout(t);
  checkout.write("one.ts", 'export const one: string = "ü";\n');
  checkout.write("two.ts", "export const two: number = 2;\n");
  assert.equal(checkout.load("one.ts"), "file");
  stripSources(checkout.directory);
  assert.equal(checkout.load("one.ts"), 'export const one         = "ü";\n');
  assert.equal(checkout.load("two.ts"), "export const two         = 2;\n");
  assert.equal(checkout.load("three.ts"), "file");

  checkout.write("one.ts", "export const one: number = 10;\n");
  assert.equal(checkout.load("one.ts"), "file");
  assert.equal(checkout.load("two.ts"), "export const two         = 2;\n");
  stripSources(checkout.directory);
  assert.equal(checkout.load("one.ts"), "export const one         = 10;\n");
  assert.equal(checkout.load("two.ts"), "export const two         = 2;\n");
});

test("what cannot be stripped, tests and modules of pages are left to Node", (t) => {
  const checkout = new Checkout(t);
  mkdirSync(join(checkout.directory, "packages", "a", "src", "web"));
  for (const name of ["one.test.ts", "web/page.ts"]) checkout.write(name, "export {};\n");
  checkout.write("wrong.ts", "const a: = 1;\n");
  stripSources(checkout.directory);
  for (const name of ["one.test.ts", "web/page.ts", "wrong.ts"]) assert.equal(checkout.load(name), "file");
});

test("a file that cannot be read is made anew", (t) => {
  const checkout = new Checkout(t);
  checkout.write("one.ts", "export const one: number = 1;\n");
  mkdirSync(join(checkout.directory, ".cache"));
  writeFileSync(join(checkout.directory, ".cache", "sources.stripped"), "\xff\xff");
  assert.equal(checkout.load("one.ts"), "file");
  stripSources(checkout.directory);
  assert.equal(checkout.load("one.ts"), "export const one         = 1;\n");
});
