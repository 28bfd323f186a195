import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { temporary } from "./harness.ts";

const levels = 400;

/** Script that runs a server with few descriptors, sends requests to it, and prints their statuses and results. */
const asks = (index: string) => `
import { createSandboxServer } from ${JSON.stringify(index)};
const [root, deep] = process.argv.slice(1);
const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, unsafeNoToken: true, root, home: root });
const get = async (path) => {
  const response = await fetch(server.url + "/v1/fs/" + path);
  return [response.status, Buffer.from(await response.arrayBuffer()).toString("latin1")];
};
const of = (text, word) => text.split(word).length - 1;
const [searched, matches] = await get("search?path=one&glob=**%2Fneedle");
const [packed, archive] = await get("archive?path=one");
const [compared, files] = await get("diff?from=one&to=two");
const [read, content] = await get("file?path=one/" + deep + "needle");
console.log(JSON.stringify({
  search: [searched, JSON.parse(matches).matches?.length],
  archive: [packed, of(archive, "found-me")],
  diff: [compared, JSON.parse(files).files?.map((file) => file.status)],
  file: [read, content],
}));
await server.close();
`;

test("a tree deeper than the descriptor limit can be searched, archived, compared and read", async (t) => {
  const root = await temporary(t);
  const deep = "d/".repeat(levels);
  const end = join(root, "one", deep);
  await mkdir(end, { recursive: true });
  await writeFile(join(end, "needle"), "found-me");
  await cp(join(root, "one"), join(root, "two"), { recursive: true });
  await writeFile(join(root, "two", deep, "needle"), "another");
  const source = asks(new URL("../src/index.ts", import.meta.url).href);
  const limited = ["-c", 'ulimit -n 250; exec "$@"', "sh", process.execPath, "--input-type=module", "--eval"];
  const { stdout } = await promisify(execFile)("/bin/sh", [...limited, source, root, deep]);
  assert.deepEqual(JSON.parse(stdout), {
    search: [200, 1],
    archive: [200, 1],
    diff: [200, ["modified"]],
    file: [200, "found-me"],
  });
});
