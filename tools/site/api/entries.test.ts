import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { unpublished } from "../../pack/stage.ts";
import { workspacePackages } from "../../workspace.ts";
import { root } from "../places.ts";
import { apiPages, withoutPage } from "./entries.ts";

test("every export of a published package has a page of the API, or a reason for none", () => {
  const pages = apiPages();
  const shown = new Set(pages.flatMap(({ modules }) => modules.map(({ specifier }) => specifier)));
  const used = new Set<string>();
  const missing: string[] = [];
  for (const { name, exports } of workspacePackages()) {
    if (unpublished.includes(name)) continue;
    for (const subpath of Object.keys(exports)) {
      const specifier = `${name}${subpath.slice(1)}`;
      const reason = [name, specifier].find((each) => Object.hasOwn(withoutPage, each));
      if (shown.has(specifier)) assert.equal(reason, undefined, `${specifier} has a page`);
      else if (reason === undefined) missing.push(specifier);
      else used.add(reason);
    }
  }
  assert.deepEqual(missing, [], "add a page to tools/site/api/entries.ts, or the reason why there is none");
  assert.deepEqual([...used].sort(), Object.keys(withoutPage).sort(), "reasons for what no longer exists");
  assert.equal(new Set(pages.map(({ path }) => path)).size, pages.length, "two pages at one address");
  for (const { guide } of pages) assert.ok(existsSync(join(root, guide)), guide);
});
