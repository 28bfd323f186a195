/** GitHub, as an agent's calls reach it: the real gate and its proxy, and an emulator of the API. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createGate } from "@holdfast/gate";
import { createTestInvocation } from "@holdfast/gate/plugin-testing";
import { pluginsDirectory } from "@holdfast/plugins";
import { type GitHubServer, startGitHubServer } from "@holdfast/testing/github-server";
import { removeAtExit } from "@holdfast/testing/scratch";
import handler from "../src/github/handler.ts";
import { provenJails } from "./proven-jails.ts";

const token = "github_pat_of_the_operator_1234567890";

async function open(t: TestContext, server: GitHubServer, config: Record<string, unknown>, key = token) {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-github-")));
  chmodSync(dataDir, 0o755);
  removeAtExit(dataDir);
  const gate = await createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      config: { github: config },
      grants: {
        github: {
          // In place of the manifest's own address, as for a GitHub of one's own.
          egress: [
            {
              name: "github",
              baseUrl: server.url,
              provider: "none",
              allow: [{ methods: ["GET", "POST"], pathPrefix: "/repos" }],
              credential: { kind: "bearer", value: key },
            },
          ],
        },
      },
    },
  });
  t.after(() => gate.close());
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const tool = gate.plugins.tools().find((each) => each.name === `github_${name}`);
    assert.ok(tool, name);
    const outcome = await gate.plugins.invoke({
      tool,
      arguments: { repository: "Acme/app", ...args },
      principal: { jailId: "j", session: "s", group: "alpha" },
      correlation: "c",
      signal: new AbortController().signal,
    });
    return outcome.ok ? JSON.stringify(outcome.result) : JSON.stringify(outcome.error);
  };
  return { gate, call };
}

test("github", async (t) => {
  const server = await startGitHubServer({
    token,
    repositories: {
      "acme/app": {
        branches: ["main", "feature/one"],
        files: { "README.md": "# Grüße\n", "src/a.txt": "a", "src/deep/b.bin": Buffer.from([255, 0, 254]) },
      },
      "acme/hidden": { branches: ["main"], files: { a: "secret" } },
    },
  });
  t.after(() => server.close());
  const { gate, call } = await open(t, server, {
    repositories: ["acme/app", "acme/gone"],
    groups: ["alpha"],
  });

  await t.test("asks a person for what others see, and taints by what others wrote", () => {
    const tools = gate.plugins.tools().filter((each) => each.plugin === "github");
    assert.ok(tools.every((each) => each.untrusted === true));
    assert.deepEqual(
      tools.filter((each) => each.riskLevel === "high").map((each) => each.name),
      ["github_issue_create", "github_comment", "github_pull_create"],
    );
  });

  await t.test("opens, lists by pages and reads issues, and comments on them", async () => {
    for (let n = 1; n <= 3; n += 1)
      assert.match(
        await call("issue_create", { title: `Bug ${n}`, body: "x".repeat(2_001), labels: ["bug"] }),
        new RegExp(`"number":${n},.*"state":"open"`),
      );
    const first = await call("issues", { labels: "bug", per_page: 2 });
    assert.match(first, /"number":3.*"labels":\["bug"\].*"body_truncated":true.*"number":2.*"next_page":2/);
    assert.doesNotMatch(first, /"number":1,/);
    const second = await call("issues", { labels: "bug", per_page: 2, page: 2 });
    assert.match(second, /"number":1/);
    assert.doesNotMatch(second, /next_page/);
    assert.equal(await call("issues", { labels: "other" }), '{"issues":[]}');
    assert.match(await call("comment", { number: 2, body: "Seen." }), /"url":".*#issuecomment-/);
    assert.match(
      await call("issue", { number: 2 }),
      /"title":"Bug 2".*"discussion":\[{.*"author":"ada".*"body":"Seen\."/,
    );
  });

  await t.test("opens and reads pull requests, files and checks", async () => {
    const pull = { title: "One", head: "feature/one", base: "main", draft: true };
    assert.match(await call("pull_create", pull), /"number":4/);
    assert.match(await call("pulls"), /"number":4,"title":"One".*"draft":true.*"head":{"ref":"feature\/one"/);
    assert.match(
      await call("pull", { number: 4 }),
      /"mergeable":true.*"path":"feature\/one\.txt","status":"added","patch":/,
    );
    // A pull request is no issue.
    assert.doesNotMatch(await call("issues"), /"One"/);
    assert.match(await call("contents", { path: "README.md" }), /"text":"# Grüße\\n"/);
    assert.match(
      await call("contents", { path: "/src/", ref: "feature/one" }),
      /"name":"a\.txt","type":"file".*"name":"deep","type":"dir"/,
    );
    assert.match(await call("contents", { path: "src/deep/b.bin" }), /"base64":"\/wD\+"/);
    assert.match(
      await call("checks", { ref: "feature/one", per_page: 1 }),
      /"total":2,"checks":\[{"name":"build".*"next_page":2/,
    );
  });

  await t.test("goes to no other repository, and the token to nobody", async () => {
    const before = server.requests.length;
    for (const repository of [
      "acme/hidden",
      "acme/app/../hidden",
      "acme/..",
      "acme%2fapp",
      "acme/app?x=",
      "acme",
    ])
      assert.match(await call("issues", { repository }), /HANDLER_ERROR|REPOSITORY_NOT_ALLOWED/, repository);
    for (const path of ["../../hidden/contents/a", "a/../../b", "a%2f..%2fb", "a\\b"])
      assert.match(await call("contents", { path }), /"field":"path"/, path);
    for (const ref of ["../../x", "a/../b", "a?b", "a%2fb", ""])
      assert.match(await call("checks", { ref }), /"field":"ref"/, ref);
    assert.equal(server.requests.length, before);
    assert.ok(server.requests.every((each) => each.authorization === `Bearer ${token}`));
    assert.ok(server.requests.every((each) => each.url.toLowerCase().startsWith("/repos/acme/app/")));
  });

  await t.test("tells what GitHub refuses, and when to try again", async () => {
    assert.match(await call("issue", { number: 99 }), /"code":"NOT_FOUND"/);
    assert.match(await call("issues", { repository: "acme/gone" }), /"code":"NOT_FOUND"/);
    const bad = { title: "x", head: "nowhere", base: "main" };
    assert.match(
      await call("pull_create", bad),
      /"code":"GITHUB_REFUSED".*Validation Failed.*head.*"retriable":false/,
    );
    const limited = {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(Math.ceil(Date.now() / 1_000) + 90_000),
    };
    server.faults.push((response) => response.writeHead(403, limited).end("{}"));
    assert.match(await call("issues"), /"code":"GITHUB_RATE_LIMITED".*"retriable":true,"retry_after":3600/);
    server.faults.push((response) => response.writeHead(429, { "retry-after": "7" }).end());
    assert.match(await call("issues"), /"code":"GITHUB_RATE_LIMITED".*"retry_after":7/);
    server.faults.push((response) => response.writeHead(200).end("no JSON"));
    assert.match(await call("issues"), /"code":"GITHUB_UNAVAILABLE".*"retriable":true/);
    server.faults.push((response) =>
      response.writeHead(301, { location: `${server.url}/repos/acme/hidden` }).end(),
    );
    assert.match(await call("issues"), /"code":"MOVED"/);
    server.faults.push((response) => response.writeHead(200).end(`"${"x".repeat(8 * 1024 * 1024)}"`));
    assert.match(await call("issues"), /too large/);
  });

  await t.test("never says that something can be tried again that may have been made", async () => {
    server.faults.push((response) => response.destroy());
    assert.match(
      await call("comment", { number: 2, body: "x" }),
      /"code":"GITHUB_UNCERTAIN".*"retriable":false/,
    );
    // The proxy asks once more on a connection of its own where a kept one broke.
    for (let n = 0; n < 2; n++) server.faults.push((response) => response.destroy());
    assert.match(await call("issue", { number: 2 }), /"code":"GITHUB_UNAVAILABLE".*"retriable":true/);
  });
});

test("github does nothing where the operator names no repository", async () => {
  await assert.rejects(
    createTestInvocation(handler, "github_issues", { repository: "acme/app" }, {}, { autoInit: true }),
    { code: "NOT_CONFIGURED" },
  );
});
