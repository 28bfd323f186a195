/** The key that the host uses is nowhere in the jail nor in anything that leaves it: attacks.md, "Secrets". */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createLogger } from "@holdfast/core";
import {
  encodingsOf,
  finish,
  jailNode,
  missing,
  openGate,
  shell,
  startUpstream,
  temporaryDirectory,
} from "./support.ts";

/** Reads everything readable in the jail, and asks the upstream to repeat its request. */
const agent = `
  import fs from "node:fs";
  import http from "node:http";
  import path from "node:path";
  const chunks = [Buffer.from(JSON.stringify(process.env) + process.argv.join(" "))];
  const seen = new Set();
  const walk = (at, depth) => {
    if (depth > 8 || at === "/usr" || at === "/opt/holdfast/node") return;
    let stat; try { stat = fs.lstatSync(at); } catch { return; }
    if (stat.isDirectory()) { let names = []; try { names = fs.readdirSync(at); } catch {}
      for (const name of names) walk(path.join(at, name), depth + 1); return; }
    if (!stat.isFile() || stat.size > 20e6 || /kmsg|pagemap|clear_refs|trace_pipe|kpage/.test(at)) return;
    try { const fd = fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK); const buffer = Buffer.alloc(1 << 20);
      const length = fs.readSync(fd, buffer, 0, buffer.length, 0); chunks.push(Buffer.from(at + "\\n"), buffer.subarray(0, length)); fs.closeSync(fd); seen.add(at);
    } catch {} };
  walk("/", 0);
  const ask = (method, target, headers = {}, body = "") => new Promise((done) => {
    const request = http.request({ socketPath: "/run/holdfast/egress.sock", method, path: target, headers }, (response) => {
      let text = JSON.stringify(response.headers) + response.statusCode; response.on("data", (d) => { text += d; }); response.on("end", () => done(text)); });
    request.on("error", (error) => done(error.code)); request.end(body); });
  const key = process.env.MODEL_KEY;
  const answers = [];
  answers.push(await ask("POST", "/anthropic/v1/messages", { "x-api-key": key }, "repeat"));
  answers.push(await ask("POST", "/anthropic/v1/messages/count_tokens", { authorization: "Bearer " + key }, "encoded"));
  for (const target of ["/other/v1/messages", "/anthropic/v1/files", "/anthropic/v1/messages/../../x", "/"]) answers.push(await ask("POST", target, { "x-api-key": key }, "x"));
  chunks.push(Buffer.from(answers.join("\\n")));
  fs.writeFileSync("/workspace/loot", Buffer.concat(chunks));
  console.log(JSON.stringify({ files: seen.size, statuses: answers.map((each) => /\\}(\\d{3})/.exec(each)?.[1]) }));`;

describe("a canary key", { skip: missing("bwrap") }, () => {
  test("reaches the exact upstream and nothing else: not the jail, no log, no event, no reply, in no encoding", async (t) => {
    const canary = `sk-ant-canary-${randomBytes(16).toString("hex")}`;
    const forms = encodingsOf(canary);
    const upstream = await startUpstream(t, (request, body) => {
      const got = String(request.headers["x-api-key"]);
      const text =
        body === "encoded"
          ? forms.slice(0, 5).join(" ") + Buffer.from(`a${got}`).toString("base64")
          : `you sent ${got}`;
      return {
        headers: { "content-type": "application/json", "x-request": got },
        chunks: [JSON.stringify({ text, model: "m", usage: { input_tokens: 1, output_tokens: 2 } })],
      };
    });
    const workspace = temporaryDirectory(t);
    const dataDir = temporaryDirectory(t);
    const said: unknown[] = [];
    const env = { ANTHROPIC_API_KEY: canary, HOLDFAST_ANTHROPIC_BASE_URL: upstream.url };
    process.env["HOLDFAST_TEST_CANARY"] = canary;
    t.after(() => {
      delete process.env["HOLDFAST_TEST_CANARY"];
    });
    const gate = await openGate(t, {
      dataDir,
      vault: { env, logins: false },
      log: createLogger("debug", (record) => said.push(record)),
      onDecision: (decision) => said.push(decision),
      onUsage: (usage) => said.push(usage),
    });
    await gate.vault.setApiKey("openai", canary);
    const egress = await gate.openEgress({
      jailId: "canary",
      session: "s",
      upstreams: [await gate.vault.upstream("anthropic")],
    });
    const jail = await gate.jails.start(
      shell("", {
        id: "canary",
        command: jailNode.path,
        args: ["--input-type=module", "-e", agent],
        env: { MODEL_KEY: egress.placeholderKey, HOME: "/home/agent" },
        mounts: [
          jailNode.mount,
          { source: workspace, target: "/workspace", mode: "rw" },
          { source: egress.socketPath, target: "/run/holdfast/egress.sock", mode: "ro" },
        ],
      }),
    );
    const done = await finish(jail);
    assert.equal(done.code, 0, done.stderr);
    const { files, statuses } = JSON.parse(done.stdout) as { files: number; statuses: string[] };
    assert.ok(files > 20, `${files} files were read`);
    assert.deepEqual(statuses, ["200", "200", "403", "403", "400", "403"]);
    assert.deepEqual(
      upstream.requests.map(({ request }) => request.headers["x-api-key"]),
      [canary, canary],
      "the upstream got it",
    );
    said.push(done, await gate.status(), await gate.audit.query(), jail.usage());
    await gate.close();
    const everything = new Map([["events", Buffer.from(JSON.stringify(said))]]);
    for (const directory of [workspace, dataDir])
      for (const path of filesBelow(directory)) everything.set(path, readFileSync(path));
    assert.ok(everything.size > 5);
    for (const [name, content] of everything) assert.deepEqual(found(content, forms), [], name);
    // The search itself finds a key that is there.
    const planted = join(workspace, "planted");
    for (const form of forms) {
      writeFileSync(planted, `x${form}y`);
      assert.notDeepEqual(found(readFileSync(planted), forms), []);
    }
    assert.equal(
      everything.get(join(workspace, "loot"))?.includes(egress.placeholderKey),
      true,
      "the search read the environment",
    );
  });

  test("of the placeholder kind opens nothing at the upstream itself", async (t) => {
    const upstream = await startUpstream(t, (request) => ({
      status: request.headers["x-api-key"] === "real-key-0123456789" ? 200 : 401,
      chunks: [],
    }));
    const gate = await openGate(t, {
      vault: {
        env: { ANTHROPIC_API_KEY: "real-key-0123456789", HOLDFAST_ANTHROPIC_BASE_URL: upstream.url },
        logins: false,
      },
    });
    const egress = await gate.openEgress({
      jailId: "j",
      session: "s",
      upstreams: [await gate.vault.upstream("anthropic")],
    });
    const direct = await fetch(`${upstream.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": egress.placeholderKey },
    });
    assert.equal(direct.status, 401);
  });

  test("of the host's logins is not in the jail even when the home of the person is full of them", async (t) => {
    const home = temporaryDirectory(t);
    const canary = `canary-${randomBytes(12).toString("hex")}`;
    for (const [folder, file] of [
      [".claude", ".credentials.json"],
      [".codex", "auth.json"],
      [".ssh", "id_ed25519"],
      [".config", "gh.yml"],
    ] as const) {
      mkdirSync(join(home, folder));
      writeFileSync(join(home, folder, file), canary);
    }
    const gate = await openGate(t, { vault: { env: {}, homeDir: home } });
    const { stdout } = await finish(
      await gate.jails.start(
        shell(
          `grep -rs ${canary} / --exclude-dir=usr --exclude-dir=proc | head; grep -s ${canary} /proc/*/environ; echo done`,
        ),
      ),
    );
    // grep's own command line is in /proc, which is why it is left out there.
    assert.equal(stdout, "done\n");
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

function found(content: Buffer, forms: readonly string[]): string[] {
  return forms.filter((form) => content.includes(form));
}
