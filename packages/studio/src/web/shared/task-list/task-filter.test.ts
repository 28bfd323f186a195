import assert from "node:assert/strict";
import { test } from "node:test";
import { filterOf, isSameSearch, readTaskSearch, searchOf, type TaskSearch } from "./task-filter.ts";

const search: TaskSearch = {
  ...{
    q: "parser",
    repository: "/r",
    agent: "demo",
    owner: "ada",
    label: "bug",
    status: "failed",
    unread: true,
    archived: true,
  },
  ...{ group: "agent", view: "board" },
};

test("a saved view opens as the search that it was saved from", () => {
  const { group = "agent", view: kind = "list" } = search;
  const saved = searchOf({ id: "v", name: "n", kind, group, filter: filterOf(search) });
  assert.ok(isSameSearch(saved, search));
  const plain = searchOf({ id: "v", name: "n", kind: "list", filter: { archived: false, unread: false } });
  assert.deepEqual(plain, { view: "list" });
});

test("searches differ if any of their parts does, whatever its order", () => {
  assert.ok(isSameSearch({ q: "a", view: "list" }, { view: "list", q: "a" }));
  for (const name of Object.keys(search) as (keyof TaskSearch)[])
    assert.equal(isSameSearch(search, { ...search, [name]: undefined }), false, name);
});

test("an address with unknown values is read without them", () => {
  assert.deepEqual(readTaskSearch({ ...search }), search);
  assert.deepEqual(readTaskSearch({ view: "table", status: "done", group: "title", unread: "yes" }), {});
});
