import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { withRequests } from "./studio-requests.ts";

async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a command sends nothing to where a Studio redirects it", async (t) => {
  const arrived: unknown[] = [];
  const elsewhere = await listen(t, ({ url }, response) => {
    arrived.push(url);
    response.end("{}");
  });
  const studio = await listen(t, ({ url }, response) => {
    if (url === "/people/me") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ id: "ada", organizations: [{ id: "local", role: "owner" }] }));
    } else response.writeHead(307, { location: `${elsewhere}/taken` }).end();
  });
  const before = { ...process.env };
  Object.assign(process.env, { HOLDFAST_URL: studio, HOLDFAST_API_TOKEN: "token" });
  t.after(() => {
    for (const name of ["HOLDFAST_URL", "HOLDFAST_API_TOKEN"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
  await withRequests({}, async ({ ask, send }) => {
    await assert.rejects(ask("POST", "/people/organizations", { name: "private" }));
    await assert.rejects(send("GET", "/people/organizations/local/export"));
    return 0;
  });
  assert.deepEqual(arrived, []);
});
