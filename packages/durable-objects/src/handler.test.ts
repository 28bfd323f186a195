import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { createHandler } from "./handler.ts";

const counter = actor({ state: { count: 0 }, actions: { get: (c) => c.state.count } });
const use = { counter };

test("options that need a server are refused when the handler is created, by their names", () => {
  const refused = {
    cluster: { secret: "x" },
    dataDirectory: "./data",
    namespaces: { other: {} },
    rivetClients: true,
    staticDir: "public",
    store: "postgres://localhost/x",
  };
  for (const [name, value] of Object.entries(refused)) {
    assert.throws(
      () => createHandler({ use, [name]: value }),
      (error) => isErrorCode(error, "gateway", "not_supported") && error.message.includes(`\`${name}\``),
      name,
    );
    // The registry of `setup()` has its options in `config`.
    assert.throws(
      () => createHandler({ config: { use, [name]: value } }),
      (error) => isErrorCode(error, "gateway", "not_supported"),
    );
  }
  assert.equal(typeof createHandler({ use, rivetClients: false }).fetch, "function");
});

test("what is no registry, and a binding that the Worker does not have, are told", async () => {
  for (const registry of [undefined, "registry", {}, { use: { counter: {} } }]) {
    assert.throws(
      () => createHandler(registry as object),
      (error) => isErrorCode(error, "gateway", "invalid_config"),
    );
  }
  const { fetch } = createHandler({ use }, { binding: "ROOMS" });
  const response = await fetch(new Request("http://worker/actors/counter/nobody/actions/get"), {
    ACTORS: {},
  });
  const problem = (await response.json()) as { code: string; message: string };
  assert.equal(problem.code, "invalid_config");
  assert.match(problem.message, /"ROOMS"/);
});
