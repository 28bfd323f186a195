import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { agentTable, sandboxAgents } from "../table.ts";
import { codex } from "./codex.ts";
import { pi } from "./pi.ts";

const run = promisify(execFile);
const home = "/home/agent";
const model = { baseUrl: 'http://127.0.0.1:1/"odd"\\', apiKey: "placeholder", model: "some-model" };

describe("every row", () => {
  test("keeps its files in HOME, and starts with and without a model", () => {
    for (const row of agentTable) {
      for (const start of [
        { home, jailed: true, model },
        { home, jailed: false },
      ]) {
        for (const file of row.setup(start).files) assert.ok(file.path.startsWith(`${home}/`), file.path);
      }
    }
  });

  test("points its agent at the model and gives it the key", () => {
    for (const row of agentTable.filter(({ wire }) => wire !== "none")) {
      const setup = row.setup({ home, jailed: true, model });
      const all = JSON.stringify([setup.env, setup.files.map((file) => file.content)]);
      assert.ok(all.includes("127.0.0.1:1/"), row.id);
      assert.ok(all.includes(model.apiKey), row.id);
    }
  });

  test("pins exact versions and their hashes", () => {
    for (const row of sandboxAgents()) {
      for (const version of Object.values(row.packages)) assert.match(version, /^\d+\.\d+\.\d+$/, row.id);
      assert.deepEqual(Object.keys(row.integrity ?? {}), Object.keys(row.packages), row.id);
      for (const hash of Object.values(row.integrity ?? {}))
        assert.match(hash, /^sha512-[\w+/]{86}==$/, row.id);
    }
  });
});

describe("codex", () => {
  test("escapes what it writes into config.toml", () => {
    const [config] = codex.setup({ home, jailed: false, model }).files;
    assert.match(config?.content ?? "", /^base_url = "http:\/\/127\.0\.0\.1:1\/\\"odd\\"\\\\"$/m);
    assert.match(config?.content ?? "", /^model = "some-model"$/m);
  });

  test("lets Codex choose the model when none is configured", () => {
    const { baseUrl, apiKey } = model;
    const [config] = codex.setup({ home, jailed: false, model: { baseUrl, apiKey } }).files;
    assert.doesNotMatch(config?.content ?? "", /^model =/m);
  });

  test("has a stub for the nested jail that runs the command directly", async () => {
    assert.equal(codex.setup({ home, jailed: false }).path, undefined);
    const { files, path } = codex.setup({ home, jailed: true });
    const stub = files.find((file) => file.path === join(path?.[0] ?? "", "bwrap"));
    assert.ok(stub);
    const directory = await mkdtemp(join(tmpdir(), "holdfast-stub-"));
    try {
      const program = join(directory, "bwrap");
      await writeFile(program, stub.content, { mode: stub.mode ?? 0o600 });
      const { stdout } = await run(program, [
        "--ro-bind",
        "/",
        "/",
        "--",
        "printf",
        "%s|",
        "a b",
        "--",
        "$c",
      ]);
      assert.equal(stdout, "a b|--|$c|");
      await run(program, ["--unshare-net", "--ro-bind", "/", "/", "/bin/false"]);
      await assert.rejects(run(program, ["--unshare-net", "--", "sh", "-c", "exit 3"]), { code: 3 });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

test("pi finds this Node before the system's", () => {
  assert.ok(pi.setup({ home, jailed: true }).path?.includes(dirname(process.execPath)));
});
