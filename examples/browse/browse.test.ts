import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createClient } from "holdfast/client";

const programs = ["bwrap", "Xvfb", "openbox", "dbus-daemon", "chromium"];
const missing = programs.find((name) => spawnSync("which", [name]).status !== 0);

test("an agent in a jail reads a page, fills its form in, and keeps a picture that people can watch", {
  skip: missing && `needs ${missing}`,
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-browse-"));
  removeAtExit(directory);
  process.env["HOLDFAST_DATA"] = directory;
  const { registry } = await import("./actors.ts");
  const { application, order } = await import("./server.ts");
  const { close, Computer, running } = await import("./computer.ts");
  const screens = async () => {
    const read = [...running().values()].map((computer) => computer.read().catch(String));
    return (await Promise.all(read)).join("\n");
  };
  const { url } = await registry.listen({ port: 0, application });
  let hasPassed = false;
  t.after(async () => {
    if (!hasPassed) console.error(`The screen showed:\n${await screens()}`);
    await registry.shutdown();
    await close();
  });
  assert.match(await (await fetch(url)).text(), /No computer runs/);
  const shopper = createClient<typeof registry>(url).shopper.getOrCreate(["ada"]);
  const { turn, text } = await shopper.ask(order);
  assert.equal(turn.status, "completed", text);
  assert.match(text, /entry "Your name"/);
  assert.match(text, /push button "Order tea"/);
  const [, file = ""] = /"file":"([^"]+)"/.exec(text) ?? [];
  assert.equal(readFileSync(file).subarray(1, 4).toString(), "PNG", text);
  const id = await shopper.resolve();
  const { sandbox } = await Computer.of(id);
  const orders = await sandbox.readFsFile({ path: "/workspace/orders.jsonl" });
  assert.equal(new TextDecoder().decode(orders), '{"customer":"Ada","packets":"1"}\n');
  assert.ok((await (await fetch(url)).text()).includes(`/screens/${id}`));
  const stop = new AbortController();
  const film = await fetch(`${url}/screens/${id}`, { signal: stop.signal });
  assert.equal(film.status, 200);
  let seen = "";
  for await (const bytes of film.body ?? []) {
    seen += Buffer.from(bytes).toString("latin1");
    // The first bytes of a JPEG.
    if (seen.includes("\xff\xd8\xff")) break;
  }
  assert.match(seen, /image\/jpeg\r\n\r\n\xff\xd8\xff/);
  stop.abort();
  hasPassed = true;
});
