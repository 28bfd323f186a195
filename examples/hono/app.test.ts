import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
