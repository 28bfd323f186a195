import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { customAgent } from "../src/index.ts";
import { openSession, startSandbox, temporary } from "./harness.ts";
import { hungMount, unreadableMount } from "./hung-mount.ts";

const json = { "content-type": "application/json" };

async function withHungMount(t: TestContext) {
  const base = await temporary(t);
  const mount = await hungMount(t, `${base}/outer/hung`);
  if (!mount) {
    t.skip("this process may not mount");
    return undefined;
  }
  await mkdir(`${base}/folder`);
  await symlink(mount.point, `${base}/folder/link`);
  await writeFile(`${base}/folder/file`, "here");
  return { base, mount, hung: mount.point };
}

test("a hung mount is reported and blocks nothing else", async (t) => {
  const found = await withHungMount(t);
  if (!found) return;
  const { base, hung, mount } = found;
  const { fetch, url, client } = await startSandbox(t);
  const get = (path: string) => fetch(`${url}${path}`);
  const send = (method: string, path: string, body: unknown) =>
    fetch(`${url}${path}`, { method, headers: json, body: JSON.stringify(body) });
  const program = { command: "true" };
  const calls: Readonly<Record<string, () => Promise<Response>>> = {
    stat: () => get(`/v1/fs/stat?path=${hung}`),
    read: () => get(`/v1/fs/file?path=${hung}/x`),
    "read through a link": () => get(`/v1/fs/file?path=${base}/folder/link/x`),
    list: () => get(`/v1/fs/entries?path=${hung}`),
    write: () => fetch(`${url}/v1/fs/file?path=${hung}/x`, { method: "PUT", body: "x" }),
    mkdir: () => fetch(`${url}/v1/fs/mkdir?path=${hung}/a/b`, { method: "POST" }),
    delete: () => fetch(`${url}/v1/fs/entry?path=${hung}/x`, { method: "DELETE" }),
    "delete above": () => fetch(`${url}/v1/fs/entry?path=${base}/outer&recursive=true`, { method: "DELETE" }),
    "move there": () => send("POST", "/v1/fs/move", { from: `${base}/folder/file`, to: `${hung}/x` }),
    archive: () => get(`/v1/fs/archive?path=${base}`),
    search: () => get(`/v1/fs/search?path=${base}&pattern=x`),
    diff: () => get(`/v1/fs/diff?from=${base}/folder&to=${base}/outer`),
    watch: () => get(`/v1/fs/watch?path=${base}&recursive=true`),
    config: () => get(`/v1/config/mcp?directory=${hung}&mcpName=x`),
    run: () => send("POST", "/v1/processes/run", { ...program, cwd: hung }),
    "run of a program there": () => send("POST", "/v1/processes/run", { command: `${hung}/x` }),
    "run with a PATH there": () =>
      send("POST", "/v1/processes/run", { ...program, env: { PATH: `${hung}:/bin` } }),
    process: () => send("POST", "/v1/processes", { ...program, cwd: `${base}/folder/link` }),
    terminal: () => send("POST", "/v1/processes", { ...program, cwd: hung, tty: true }),
    session: () => send("POST", "/v1/sessions", { agent: "demo", cwd: hung }),
  };
  const answers = Object.entries(calls).map(async ([name, call]) => {
    const response = await call();
    return [name, response.status, await response.json()] as const;
  });
  const others = Array.from({ length: 8 }, async () => {
    assert.equal(await client.fs.readText(`${base}/folder/file`), "here");
    const ran = await send("POST", "/v1/processes/run", { ...program, cwd: `${base}/folder` });
    assert.partialDeepStrictEqual(await ran.json(), { exitCode: 0 });
  });
  await Promise.race([
    Promise.all(others),
    Promise.race(answers).then(() => assert.fail("what needs no hung mount has waited for one")),
  ]);
  for (const [name, status, body] of await Promise.all(answers)) {
    assert.partialDeepStrictEqual([name, status, body], [name, 504, { code: "mount_not_responding" }]);
  }
  const entries = await (await get(`/v1/fs/entries?path=${base}/outer`)).json();
  assert.deepEqual(entries, [{ name: "hung", path: hung, entryType: "directory", size: 0 }]);
  await mount.giveUp();
  let after = await get(`/v1/fs/stat?path=${hung}`);
  while (after.status === 504) after = await get(`/v1/fs/stat?path=${hung}`);
  assert.equal(after.status, 502);
});

test("an agent starts no session on a hung mount and continues elsewhere", async (t) => {
  const found = await withHungMount(t);
  if (!found) return;
  const sandbox = await startSandbox(t);
  const { acp } = await openSession(sandbox);
  await assert.rejects(acp.request("session/new", { cwd: found.hung, mcpServers: [] }), /does not respond/);
  await acp.request("session/new", { cwd: sandbox.work, mcpServers: [] });
});

test("an agent installed on a hung mount is not started", async (t) => {
  const found = await withHungMount(t);
  if (!found) return;
  const agents = [customAgent({ id: "there", command: `${found.hung}/agent`, args: [] })];
  const { fetch, url } = await startSandbox(t, "unix", { agents });
  const answer = await fetch(`${url}/v1/acp/a?agent=there`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } }),
  });
  assert.partialDeepStrictEqual([answer.status, await answer.json()], [404, { code: "agent_not_installed" }]);
  const agent = await fetch(`${url}/v1/agents/there`);
  assert.partialDeepStrictEqual(await agent.json(), { id: "there", installed: false });
});

test("the same holds below a root", async (t) => {
  const found = await withHungMount(t);
  if (!found) return;
  const { base, hung } = found;
  const { fetch, url } = await startSandbox(t, "unix", { root: base, cwd: base });
  const answers = await Promise.all(
    [hung, `${base}/folder/link/x`].map((path) => fetch(`${url}/v1/fs/stat?path=${path}`)),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    [504, 504],
  );
  assert.equal((await fetch(`${url}/v1/fs/file?path=${base}/folder/file`)).status, 200);
});

test("a mount that hangs only on reads blocks only its readers", async (t) => {
  const base = await temporary(t);
  const mount = await unreadableMount(t, `${base}/served`);
  if (!mount) {
    t.skip("this process may not mount");
    return;
  }
  await writeFile(`${base}/file`, "here");
  await symlink(mount.point, `${base}/link`);
  const unfinished: Promise<string>[] = [];
  for (const options of [{}, { root: base, cwd: base }]) {
    const { fetch, url } = await startSandbox(t, "unix", options);
    const get = (path: string) => fetch(`${url}/v1/fs/file?path=${path}`);
    assert.equal((await fetch(`${url}/v1/fs/stat?path=${mount.point}/a`)).status, 200);
    const reading = ["served/b", "link/c"].map(async (path) => await (await get(`${base}/${path}`)).text());
    const first = await Promise.race([...reading, get(`${base}/file`).then((answer) => answer.text())]);
    assert.equal(first, "here");
    unfinished.push(...reading);
  }
  await mount.giveUp();
  for (const text of await Promise.all(unfinished)) assert.match(text, /stream_error/);
});
