import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { removeAtExit } from "../scratch.ts";
import { DemoForge } from "./forge.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-demo-forge-"));
  removeAtExit(directory);
  return directory;
}

/** Checks run as plain processes: these tests are about what is kept. */
const jails = { driver: "none", allowUnsafe: true } as const;

function api(forge: DemoForge, token: string) {
  return async (method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(`${forge.apiUrl}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "user-agent": "test" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return (await response.json()) as Readonly<Record<string, unknown>>;
  };
}

async function tokenOf(forge: DemoForge): Promise<string> {
  const page = await (await fetch(forge.url)).text();
  return /ghp_\w+/.exec(page)?.[0] ?? "";
}

interface CheckRun {
  readonly name: string;
  readonly head_sha: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly html_url: string;
}

/** A server that takes webhooks: events by name, in their order, each with whether its signature is right. */
async function receiver(t: TestContext, secret: string) {
  const events: string[] = [];
  const runs: CheckRun[] = [];
  let more = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
    events.push(
      `${request.headers["x-github-event"]} ${request.headers["x-hub-signature-256"] === signature}`,
    );
    const { check_run } = JSON.parse(body) as { readonly check_run?: CheckRun };
    if (check_run !== undefined) runs.push(check_run);
    response.end();
    more.resolve();
    more = Promise.withResolvers();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const until = async (isThere: () => boolean) => {
    while (!isThere()) await more.promise;
  };
  return { url, events, runs, until };
}

test("a second start goes on with everything: pull requests, comments, tokens, the App, the port", async () => {
  const directory = scratch();
  const first = await DemoForge.start({ directory, jails });
  const { url, app, repositories } = first;
  const token = await tokenOf(first);
  await api(first, token)("POST", "repos/harbor/tides/issues/1/comments", { body: "Kept?" });
  await api(first, token)("PUT", "repos/harbor/lighthouse/pulls/1/merge", {});
  await first.close();

  const second = await DemoForge.start({ directory, jails });
  assert.deepEqual([second.url, second.app, second.repositories], [url, app, repositories]);
  const again = api(second, token);
  const comments = await again("GET", "repos/harbor/tides/issues/1/comments");
  assert.equal((comments as unknown as readonly { readonly body: string }[])[0]?.body, "Kept?");
  assert.equal((await again("GET", "repos/harbor/lighthouse/pulls/1"))["merged"], true);
  const created = await again("POST", "repos/harbor/tides/issues/2/comments", { body: "More" });
  assert.notEqual(created["id"], (comments as unknown as readonly { readonly id: number }[])[0]?.id);
  await second.close();
});

test("a webhook that was not taken is sent after the next start, signed with the secret of then", async (t) => {
  const directory = scratch();
  const first = await DemoForge.start({ directory, jails });
  const token = await tokenOf(first);
  const { url, events, until } = await receiver(t, "new secret");
  const hook = { events: ["issue_comment"], config: { url: `${url}/hook`, secret: "old secret" } };
  const { id } = await api(first, token)("POST", "repos/harbor/tides/hooks", hook);
  // Nothing is sent before the Studio runs.
  await api(first, token)("POST", "repos/harbor/tides/issues/1/comments", { body: "Early" });
  await first.close();
  assert.equal(events.length, 0);

  const second = await DemoForge.start({ directory, jails });
  const changed = { ...hook, config: { ...hook.config, secret: "new secret" } };
  await api(second, token)("PATCH", `repos/harbor/tides/hooks/${String(id)}`, changed);
  second.begin(url);
  await until(() => events.includes("issue_comment true"));
  await second.close();
  // A check is no comment.
  assert.deepEqual(events, ["issue_comment true"]);
});

test("checks run the scripts of the commit, and their page has the output", async (t) => {
  const forge = await DemoForge.start({ directory: scratch(), jails });
  t.after(() => forge.close());
  const call = api(forge, await tokenOf(forge));
  const { url, runs, until } = await receiver(t, "secret");
  const hook = { events: ["check_run"], config: { url: `${url}/hook`, secret: "secret" } };
  await call("POST", "repos/harbor/tides/hooks", hook);
  forge.begin(url);
  const { head } = await call("GET", "repos/harbor/tides/pulls/1");
  const { sha } = head as { readonly sha: string };
  const ended = () => runs.filter((run) => run.head_sha === sha && run.status === "completed");
  await until(() => ended().length === 2);
  assert.deepEqual(
    ended().map(({ name, conclusion }) => `${name} ${conclusion}`),
    ["test failure", "style success"],
  );
  const page = await (await fetch(String(ended()[0]?.html_url))).text();
  assert.match(page, /rounds to a decimetre/);
});

test("pages escape what people write, and forms of other sites change nothing", async (t) => {
  const forge = await DemoForge.start({ directory: scratch(), jails });
  t.after(() => forge.close());
  const pull = `${forge.url}/harbor/tides/pull/1`;
  const post = (verb: string, origin: string, body = "") =>
    fetch(`${pull}/${verb}`, { method: "POST", redirect: "manual", headers: { origin }, body });
  assert.equal((await post("merge", "https://evil.example")).status, 403);
  const comment = new URLSearchParams({ login: "ada", body: "<script>alert(1)</script>" });
  assert.equal((await post("comment", forge.url, comment.toString())).status, 303);
  const page = await (await fetch(pull)).text();
  assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.includes("<script>"));
  assert.equal((await post("merge", forge.url)).status, 303);
  assert.match(await (await fetch(pull)).text(), /<b>merged<\/b>/);
});
