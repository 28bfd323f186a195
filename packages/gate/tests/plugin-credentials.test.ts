/** Credentials that a person puts in place, or replaces, while the gate runs. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Gate, PluginsConfig } from "@holdfast/gate";
import { gateWith, handlerOf, manifestOf, resultOf, until, writeFiles } from "./plugin-support.ts";
import { startUpstream } from "./support.ts";

const jails = { driver: "none", allowUnsafe: true } as const;

const keeper = {
  "manifest.json": manifestOf([{ name: "keeper_read" }], {
    install: { credentials: [{ key: "TOKEN", description: "a token", required: true }] },
  }),
  "handler.js": handlerOf(
    {
      keeper_read: `let token; try { token = services.readCredential("TOKEN"); } catch { token = "none"; }
        return { ok: true, result: { token, pid: process.pid } };`,
    },
    `async verify() { return { ok: true, message: services.readCredential("TOKEN") }; },`,
  ),
};

async function keeperGate(t: TestContext, plugins: PluginsConfig) {
  const { gate, dataDir } = await gateWith(t, { keeper }, { jails, plugins });
  const put = (value: string, key = "TOKEN") => {
    writeFiles(dataDir, { [`credentials/plugins/keeper/${key}`]: value });
    chmodSync(join(dataDir, "credentials", "plugins", "keeper", key), 0o600);
  };
  return { gate, put };
}

const tokenOf = async (gate: Gate) => (await resultOf(gate, "keeper_read"))["token"];

test("a credential that is put in its file, or replaced, is the running plugin's", async (t) => {
  const { gate, put } = await keeperGate(t, { watch: true });
  const before = await resultOf(gate, "keeper_read");
  assert.equal(before["token"], "none");
  put("a-first-token");
  await until("it has the first", async () => (await tokenOf(gate)) === "a-first-token");
  put("a-second-token\n");
  await until("it has the second", async () => (await tokenOf(gate)) === "a-second-token");
  assert.equal((await resultOf(gate, "keeper_read"))["pid"], before["pid"], "no other process is needed");
});

test("whoever asks whether a plugin works is told with the credentials that are there now", async (t) => {
  const { gate, put } = await keeperGate(t, { watch: false });
  assert.equal(await tokenOf(gate), "none");
  put("a-token-of-now");
  const { ok } = await resultOf(gate, "plugin_verify", { name: "keeper" });
  assert.equal(ok, true);
  assert.equal(await tokenOf(gate), "a-token-of-now");
});

test("a plugin that cannot begin without a credential begins when it is there", async (t) => {
  const needy = {
    "manifest.json": manifestOf([{ name: "needy_read" }]),
    "handler.js": `let token;
      export default {
        async initialize(services) { token = services.readCredential("TOKEN"); },
        async handleToolInvocation() { return { ok: true, result: { token } }; },
      };`,
  };
  const { gate, dataDir } = await gateWith(t, { needy }, { jails, plugins: { watch: true } });
  const state = () => gate.plugins.list().map(({ name, failure }) => `${name} ${failure?.category}`);
  assert.deepEqual(state(), ["needy init_error"]);
  writeFiles(dataDir, { "credentials/plugins/needy/TOKEN": "a-token-at-last" });
  await until("it is loaded", () => gate.plugins.tools().some(({ name }) => name === "needy_read"));
  assert.deepEqual(await resultOf(gate, "needy_read"), { token: "a-token-at-last" });
  assert.deepEqual(state(), ["needy undefined"]);

  const other = await gateWith(t, { needy }, { jails });
  await other.gate.plugins.setCredential("needy", "TOKEN", "a-token-by-name");
  assert.deepEqual(await resultOf(other.gate, "needy_read"), { token: "a-token-by-name" });
});

test("a credential that the gate presents is the new one from then on", async (t) => {
  const presented: (string | undefined)[] = [];
  const upstream = await startUpstream(t, ({ headers }) => {
    presented.push(headers.authorization);
    return { chunks: ["refs"] };
  });
  const git = { baseUrl: upstream.url, repositories: [{ path: "acme/app", credential: "TOKEN" }] };
  const asker = {
    "manifest.json": manifestOf([{ name: "asker_ask" }]),
    "handler.js": handlerOf({
      asker_ask: `const response = await fetch(services.egress.git + "/acme/app/info/refs?service=git-upload-pack");
        return { ok: true, result: { status: response.status, text: await response.text() } };`,
    }),
  };
  const { gate } = await gateWith(t, { asker }, { jails, plugins: { grants: { asker: { git } } } });
  assert.equal((await resultOf(gate, "asker_ask"))["text"], "refs");
  await gate.plugins.setCredential("asker", "TOKEN", "a-token-for-the-host");
  assert.equal((await resultOf(gate, "asker_ask"))["text"], "refs");
  const basic = Buffer.from("x-access-token:a-token-for-the-host").toString("base64");
  assert.deepEqual(presented, [undefined, `Basic ${basic}`]);
});
