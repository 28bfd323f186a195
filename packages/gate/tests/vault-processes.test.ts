/** Commands that change the vault of one data directory at the same time: each change is kept. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { openVault } from "../src/index.ts";
import { temporaryDirectory } from "./support.ts";

const grantFor = (agent: string) => ({
  principal: { agent },
  secret: "deploy",
  owner: {},
  host: "api.example.com",
  pathPrefix: "/",
  methods: ["GET"],
});

/** Stores secrets and grants of its own, each at once after the other. */
const script = `
  const { openVault } = await import(${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)});
  const [, data, me] = process.argv;
  const grantFor = ${grantFor};
  const vault = openVault(data);
  process.send("ready");
  await new Promise((go) => process.once("message", go));
  for (let n = 0; n < 20; n++) {
    await vault.setSecret({ name: me + "-" + n, owner: {} }, "value-of-" + me + "-" + n);
    await vault.grant(grantFor(me + "-" + n));
  }
  process.disconnect();
`;

test("secrets and grants that several processes store at once are all there, and can be read", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  const processes = ["a", "b", "c"].map((me) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script, data, me], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    t.after(() => child.kill("SIGKILL"));
    const closed = once(child, "close");
    return { child, errors: text(child.stderr ?? process.stdin), ready: once(child, "message"), closed };
  });
  await Promise.all(processes.map(({ ready }) => ready));
  for (const { child } of processes) child.send("go");
  for (const { closed, errors } of processes) assert.equal((await closed)[0], 0, await errors);
  const vault = openVault(data);
  const wanted = ["a", "b", "c"].flatMap((me) => Array.from({ length: 20 }, (_, n) => `${me}-${n}`)).sort();
  const entries = await vault.secretEntries();
  assert.deepEqual(entries.map(({ name }) => name).sort(), wanted);
  for (const entry of entries) assert.equal(await vault.readSecret(entry), `value-of-${entry.name}`);
  const grants = await vault.grants();
  assert.deepEqual(grants.map(({ principal }) => principal.agent).sort(), wanted);
});

test("two vaults of one process lose nothing either, and removing what is not there makes nothing", async (t) => {
  const data = join(temporaryDirectory(t), "data");
  assert.equal(await openVault(data).deleteSecret({ name: "none", owner: {} }), false);
  assert.equal(await openVault(data).revoke("none"), false);
  assert.equal(existsSync(data), false);
  const names = Array.from({ length: 10 }, (_, n) => `s-${n}`);
  await Promise.all(names.map((name) => openVault(data).setSecret({ name, owner: {} }, `value-of-${name}`)));
  const read = names.map((name) => openVault(data).readSecret({ name, owner: {} }));
  assert.deepEqual(
    await Promise.all(read),
    names.map((name) => `value-of-${name}`),
  );
});
