/** Real git in a real jail, against the real `git http-backend`: which repositories, which way, whose token. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { authorityEnvironment, gitEnvironment, gitUpstream } from "@holdfast/gate";
import { proxyEnvironment } from "@holdfast/guest";
import { origin, runInJail } from "../../packages/gate/tests/jail-network.ts";
import { startTlsUpstream } from "../../packages/gate/tests/tls-support.ts";
import { encodingsOf, missing, openGate, temporaryDirectory } from "./support.ts";

const hermetic = {
  PATH: process.env["PATH"],
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.invalid", ...args], {
    encoding: "utf8",
    env: hermetic,
    stdio: ["ignore", "pipe", "pipe"],
  });

interface Repositories {
  readonly root: string;
  /** "METHOD path authorization" of each request. */
  readonly seen: string[];
  readonly answer: RequestListener;
}

interface GitHost extends Repositories {
  readonly url: string;
}

/** A git host with these repositories that requires `token` for each of them. */
function makeRepositories(t: TestContext, token: string, repositories: readonly string[]): Repositories {
  const root = temporaryDirectory(t);
  const seen: string[] = [];
  const source = temporaryDirectory(t);
  git("init", "-q", "-b", "main", source);
  git("-C", source, "commit", "-q", "--allow-empty", "-m", "start");
  for (const repository of repositories) {
    git("clone", "-q", "--bare", source, join(root, `${repository}.git`));
    git("-C", join(root, `${repository}.git`), "config", "http.receivepack", "true");
  }
  const expected = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  const answer: RequestListener = (request, response) => {
    const url = new URL(request.url ?? "/", "http://host");
    seen.push(`${request.method} ${url.pathname}${url.search} ${request.headers.authorization ?? "none"}`);
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    void buffer(request).then((body) => {
      const path = url.pathname.replace(/^\/([^/]+\/[^/]+?)(?:\.git)?\//, "/$1.git/");
      const backend = spawn("git", ["http-backend"], {
        env: {
          PATH: process.env["PATH"],
          GIT_PROJECT_ROOT: root,
          GIT_HTTP_EXPORT_ALL: "1",
          PATH_INFO: path,
          REQUEST_METHOD: request.method,
          QUERY_STRING: url.search.slice(1),
          CONTENT_TYPE: request.headers["content-type"] ?? "",
          CONTENT_LENGTH: String(body.length),
          HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
          GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
          REMOTE_USER: "x",
          // The repositories are the test's own, also where it runs as root.
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: "safe.directory",
          GIT_CONFIG_VALUE_0: "*",
        },
        stdio: ["pipe", "pipe", "inherit"],
      });
      backend.stdin.on("error", () => {});
      backend.stdin.end(body);
      void buffer(backend.stdout).then((answer) => {
        const end = answer.indexOf("\r\n\r\n");
        const head = answer.subarray(0, end).toString("latin1").split("\r\n");
        const fields = head.map((line) => line.split(/:\s*/, 2) as [string, string]);
        const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1];
        const headers = Object.fromEntries(fields.filter(([name]) => name.toLowerCase() !== "status"));
        response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10), headers);
        response.end(answer.subarray(end + 4));
      });
    });
  };
  return { root, seen, answer };
}

async function startGitHost(
  t: TestContext,
  token: string,
  repositories: readonly string[],
): Promise<GitHost> {
  const made = makeRepositories(t, token, repositories);
  const server = createServer(made.answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ...made, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const heads = (host: Repositories, repository: string) =>
  git("-C", join(host.root, `${repository}.git`), "log", "--format=%s", "main")
    .trim()
    .split("\n");

describe("git in a jail", { skip: missing("bwrap", "git") }, () => {
  test("reads and writes the repositories that it was given, and no other, with a token that it never has", async (t) => {
    const token = `ghs-canary-${randomBytes(16).toString("hex")}`;
    const host = await startGitHost(t, token, ["acme/app", "acme/read", "evil/loot"]);
    const workspace = temporaryDirectory(t);
    const dataDir = temporaryDirectory(t);
    const gate = await openGate(t, { dataDir });
    await gate.vault.setSecret({ name: "git-token", owner: { user: "ann" } }, token);
    await gate.vault.grant({
      principal: { session: "s" },
      secret: "git-token",
      owner: { user: "ann" },
      host: new URL(host.url).host,
      pathPrefix: "/acme",
      methods: ["GET", "POST"],
    });
    const credential = {
      kind: "secret",
      name: "git-token",
      as: "basic",
      username: "x-access-token",
    } as const;
    const upstream = gitUpstream({
      name: "git",
      baseUrl: host.url,
      repositories: [
        { path: "acme/app", push: true, credential },
        { path: "acme/read", credential },
      ],
    });
    const egress = await gate.openEgress({ jailId: "git", session: "s", user: "ann", upstreams: [upstream] });
    const there = host.url;
    const done = await runInJail(
      gate,
      egress,
      `cd /workspace && env > environment
       try() { name=$1; shift; if "$@" >>log 2>&1; then echo "$name ok"; else echo "$name refused"; fi; }
       try clone git clone -q ${there}/acme/app app
       cd app && git config user.name J && git config user.email j@example.invalid
       git commit -q --allow-empty -m "from the jail"
       try push git push -q origin main
       try push-without-right git push -q ${there}/acme/read main
       try push-to-another git push -q ${there}/evil/loot main
       try push-with-traversal git push -q ${there}/acme/app/../../evil/loot main
       try push-to-longer-name git push -q ${there}/acme/app-evil main
       cd .. && try clone-read git clone -q ${there}/acme/read.git read
       try clone-another git clone -q ${there}/evil/loot loot
       try clone-by-ssh git clone -q git@127.0.0.1:acme/read by-ssh`,
      {
        env: gitEnvironment(origin, [upstream]),
        mounts: [{ source: workspace, target: "/workspace", mode: "rw" }],
      },
    );
    assert.deepEqual(done.stdout.trim().split("\n"), [
      "clone ok",
      "push ok",
      "push-without-right refused",
      "push-to-another refused",
      "push-with-traversal refused",
      "push-to-longer-name refused",
      "clone-read ok",
      "clone-another refused",
      "clone-by-ssh ok",
    ]);
    assert.deepEqual(heads(host, "acme/app"), ["from the jail", "start"]);
    assert.deepEqual(heads(host, "acme/read"), ["start"]);
    assert.ok(!host.seen.some((each) => each.includes("evil")), "the host never heard of the others");

    const said = Buffer.from(JSON.stringify([done, await gate.audit.query(), await gate.status()]));
    const everything = new Map([["events", said]]);
    await gate.close();
    for (const directory of [workspace, dataDir]) {
      for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
        const path = join(directory, name);
        if (statSync(path).isFile()) everything.set(path, readFileSync(path));
      }
    }
    assert.ok(everything.has(join(workspace, "app", ".git", "config")));
    const pair = Buffer.from(`x-access-token:${token}`).toString("base64");
    for (const [name, content] of everything)
      for (const form of [...encodingsOf(token), pair]) assert.equal(content.includes(form), false, name);

    // The control: with the token itself, which the jail does not have, the same push goes through.
    const header = `http.extraHeader=Authorization: Basic ${pair}`;
    // Not in line, since the host that answers is this process.
    const push = ["-C", join(workspace, "app"), "-c", "safe.directory=*", "-c", header, "push", "-q"];
    await promisify(execFile)("git", [...push, `${there}/evil/loot`, "main"], { env: hermetic });
    assert.deepEqual(heads(host, "evil/loot"), ["from the jail", "start"]);
  });

  test("does so by the host's own address, in tunnels that end in the proxy", async (t) => {
    const token = `ghs-canary-${randomBytes(16).toString("hex")}`;
    const host = makeRepositories(t, token, ["acme/app", "evil/loot"]);
    const port = await startTlsUpstream(t, ["git.example"], host.answer);
    const gate = await openGate(t, {
      egress: { networks: ["127.0.0.2/32"], resolve: async () => ["127.0.0.2"] },
    });
    const there = `https://git.example:${port}`;
    const credential = { kind: "basic", username: "x-access-token", value: token } as const;
    const egress = await gate.openEgress({
      ...{ jailId: "git", session: "s", intercept: true },
      upstreams: [
        {
          ...gitUpstream({
            name: "git",
            baseUrl: there,
            repositories: [{ path: "acme/app", push: true, credential }],
          }),
          publicOnly: true,
        },
      ],
    });
    const { authority } = egress;
    assert.ok(authority);
    const bundlePath = "/run/holdfast/authorities.pem";
    const done = await runInJail(
      gate,
      egress,
      `cd /tmp && git clone -q ${there}/acme/app app && cd app
       git -c user.name=J -c user.email=j@example.invalid commit -q --allow-empty -m "from the jail"
       git push -q origin main && echo pushed
       git clone -q ${there}/evil/loot loot || echo refused`,
      {
        env: { ...proxyEnvironment(origin), ...authorityEnvironment({ ...authority, bundlePath }) },
        mounts: [{ source: authority.bundlePath, target: bundlePath, mode: "ro" }],
      },
    );
    assert.equal(done.stdout, "pushed\nrefused\n", done.stderr);
    assert.deepEqual(heads(host, "acme/app"), ["from the jail", "start"]);
    assert.ok(!host.seen.some((each) => each.includes("evil")), "the host never heard of the other");
  });
});
