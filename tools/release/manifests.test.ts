import assert from "node:assert/strict";
import { test } from "node:test";
import { inPublishOrder, type Manifest, releasedManifest } from "./manifests.ts";

const values = { version: "1.2.0", commit: "abc" };

test("packages of a release take its version and exact ranges to each other, and keep those to others", () => {
  const manifest: Manifest = {
    ...{ name: "holdfast", version: "0.1.0", private: true },
    dependencies: { "@holdfast/core": "^0.1.0", zeromq: "npm:@holdfast/zeromq@6.5.0", yaml: "2.9.1" },
    peerDependencies: { "@holdfast/studio": "0.1.0", react: ">=18" },
  };
  const names = new Set(["holdfast", "@holdfast/core", "@holdfast/studio", "@holdfast/zeromq"]);
  assert.deepEqual(
    releasedManifest(manifest, names, { ...values, repository: "git+https://git.example/h.git" }),
    {
      ...{ name: "holdfast", version: "1.2.0", gitHead: "abc" },
      repository: { type: "git", url: "git+https://git.example/h.git" },
      dependencies: { "@holdfast/core": "1.2.0", zeromq: "npm:@holdfast/zeromq@1.2.0", yaml: "2.9.1" },
      peerDependencies: { "@holdfast/studio": "1.2.0", react: ">=18" },
    },
  );
});

function item(name: string, fields: Readonly<Record<string, unknown>> = {}) {
  return { name, manifest: { name, version: "1.2.0", ...fields } };
}

test("what a package needs is published before it, peers, optional packages and aliases included", () => {
  const items = [
    item("a", { peerDependencies: { d: "1.2.0" } }),
    item("b", { dependencies: { other: "npm:c@1.2.0", yaml: "2.9.1" } }),
    item("c", { optionalDependencies: { d: "1.2.0" } }),
    item("d"),
  ];
  const names = (ordered: readonly { name: string }[]) => ordered.map(({ name }) => name).join(" ");
  assert.equal(names(inPublishOrder(items)), "d a c b");
  assert.equal(names(inPublishOrder(items.toReversed())), "d a c b");
});

test("packages that need each other have no order", () => {
  const items = [item("a", { dependencies: { b: "1.2.0" } }), item("b", { dependencies: { a: "1.2.0" } })];
  assert.throws(() => inPublishOrder(items), /Packages need each other: a > b > a/);
});
