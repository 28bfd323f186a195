/** The tools of `holdfast sandbox mcp`, called by a client of the protocol. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { createSandboxServer, desktopToolNames } from "../../src/index.ts";
import { startServerProcess, until } from "../harness.ts";

const program = `
  import { sandboxCommand } from ${JSON.stringify(import.meta.resolve("../../src/cli/command.ts"))};
  process.exitCode = await sandboxCommand(process.argv.slice(1));
`;

test("a program offers the tools of its own server", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-tools-"));
  const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, cwd: directory });
  t.after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });
  const { tools, call } = await server.desktopTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    desktopToolNames,
  );
  for (const name of ["desktop_windows", "desktop_screenshot"]) {
    const { content, isError } = await call(name, {});
    assert.equal(isError, true);
    assert.match(JSON.stringify(content), /not active.*sandbox\.conflict/);
  }
  assert.match(JSON.stringify(await call("desktop_dance", {})), /There is no tool/);
});

test("an agent uses the desktop by tools", { timeout: 60_000 }, async (t) => {
  const { url, token, work } = await startServerProcess(t);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: ["--input-type=module", "--eval", program, "mcp", "--endpoint", url],
      env: { HOLDFAST_SANDBOX_TOKEN: token, PATH: process.env["PATH"] ?? "" },
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    }),
  );
  t.after(() => client.close());
  const call = async (name: string, given: Record<string, unknown> = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: given });
    assert.ok(Array.isArray(content));
    return { ...content[0], isError };
  };
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    desktopToolNames,
  );
  const early = await call("desktop_screenshot");
  assert.equal(early.isError, true);
  assert.match(early.text, /not active.*\(sandbox\.conflict\)/);
  await call("desktop_start", { width: 640, height: 480 });
  await call("desktop_launch", { app: "xterm", args: ["-T", "tool", "-e", "cat > typed.txt"] });
  const { windows } = JSON.parse((await call("desktop_windows")).text);
  assert.equal(windows[0].title, "tool");
  assert.match((await call("desktop_tree")).text, /^No program on the screen describes its windows/);
  const missing = await call("desktop_click", { name: "OK", timeoutMs: 1 });
  assert.equal(missing.isError, true);
  assert.match(missing.text, /\(sandbox\.accessible_not_found\)/);
  await call("desktop_click", { x: windows[0].x + 10, y: windows[0].y + 10 });
  await call("desktop_type", { text: "by a tool" });
  await call("desktop_key", { key: "Return" });
  await until("the text has arrived", async () => {
    return (await readFile(join(work, "typed.txt"), "utf8").catch(() => "")) === "by a tool\n";
  });
  const image = await call("desktop_screenshot", { scale: 0.5, format: "jpeg" });
  assert.equal(image.mimeType, "image/jpeg");
  assert.deepEqual([...Buffer.from(image.data, "base64").subarray(0, 2)], [0xff, 0xd8]);
  const region = await call("desktop_screenshot", { x: 0, y: 0, width: 10, height: 10 });
  assert.equal(region.mimeType, "image/png");
  assert.match((await call("desktop_click", { x: 9_999, y: 0 })).text, /outside of the screen/);
});
