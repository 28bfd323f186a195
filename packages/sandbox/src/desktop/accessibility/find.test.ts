import assert from "node:assert/strict";
import { test } from "node:test";
import { findByName } from "./find.ts";
import { stateNames } from "./states.ts";
import { elementOf, type TreeNode } from "./tree.ts";

let count = 0;

function node(
  role: string,
  name: string,
  children: readonly TreeNode[] = [],
  states = ["showing"],
): TreeNode {
  count += 1;
  return { id: `:1.1/node/${count}`, role, name, states, children };
}

function find(nodes: readonly TreeNode[], name: string, role?: string): string {
  return findByName({ nodes, truncated: false }, { name, role }).role;
}

test("finds the element that a name means", () => {
  const page = node("document web", "Save", [
    node("heading", "Save"),
    node("push button", "Save", [node("static", "Save")], ["showing", "focusable"]),
    node("paragraph", "save all"),
  ]);
  const window = node("frame", "Save", [page]);
  // What takes the focus, before titles and texts with the same words.
  assert.equal(find([window], "Save"), "push button");
  assert.equal(find([window], " SAVE ALL "), "paragraph");
  assert.equal(find([window], "Save", "heading"), "heading");
  assert.equal(find([window], "Save", "Frame"), "frame");
  // Of one inside of the other, the inner.
  assert.equal(find([node("paragraph", "Hello", [node("static", "Hello")])], "Hello"), "static");
  // The same spelling before any other.
  assert.equal(find([node("link", "ok"), node("label", "OK")], "OK"), "label");
});

test("refuses a name that nothing has, or more than one", () => {
  const nodes = [node("link", "Docs"), node("link", "Docs")];
  assert.throws(() => find(nodes, "Blog"), { code: "accessible_not_found" });
  assert.throws(() => find([node("frame", "Docs")], "Docs"), { code: "accessible_not_found" });
  assert.throws(
    () => find(nodes, "Docs"),
    ({ code, metadata }: { code: string; metadata: { candidates: readonly { id: string }[] } }) => {
      assert.equal(code, "accessible_ambiguous");
      assert.deepEqual(
        metadata.candidates.map(({ id }) => id),
        nodes.map(({ id }) => id),
      );
      return true;
    },
  );
});

test("reads states and ids", () => {
  assert.deepEqual(stateNames([(1 << 4) | (1 << 25), 1 << 11]), ["checked", "showing", "read-only"]);
  assert.deepEqual(stateNames([]), []);
  assert.deepEqual(elementOf(":1.20/org/a11y/7"), { name: ":1.20", path: "/org/a11y/7" });
  for (const id of ["", "1.20/org", ":1.20", ":1.20/", ":1.20/a b", "org.a11y.Bus/x"]) {
    assert.equal(elementOf(id), undefined, id);
  }
});
