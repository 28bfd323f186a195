import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { createClient } from "holdfast/client";

const data = mkdtempSync(join(tmpdir(), "holdfast-hono-"));
process.env["HOLDFAST_DATA"] = data;
const { app, registry } = await import("./app.ts");
after(async () => {
  await registry.shutdown();
  rmSync(data, { recursive: true });
});

test("a route and a client meet the same actor", async () => {
  const page = await app.request("http://localhost/");
  assert.equal(await page.text(), "You are visitor 1");
  const client = createClient<typeof registry>({
    endpoint: "http://localhost/api",
    fetch: async (input, init) => app.request(new Request(input, init)),
  });
  assert.equal(await client.visits.getOrCreate(["home"]).count(), 2);
  await client.dispose();
});

test("run by itself it serves its routes and says where", async (t) => {
  const program = spawn(process.execPath, [join(import.meta.dirname, "app.ts")], {
    env: { ...process.env, HOLDFAST_DATA: join(data, "alone"), HOLDFAST_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    program.kill("SIGKILL");
    await once(program, "exit");
  });
  const [line] = (await once(createInterface({ input: program.stdout }), "line")) as [string];
  const url = /http:\/\/\S+/.exec(line)?.[0] ?? assert.fail(line);
  assert.equal(await (await fetch(url)).text(), "You are visitor 1");
});
