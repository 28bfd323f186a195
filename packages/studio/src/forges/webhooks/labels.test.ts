import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { readGitHubWebhook } from "./github.ts";
import { readGitLabWebhook } from "./gitlab.ts";

const secret = "secret";
const at = "2026-01-31T12:00:00Z";

test("GitLab: all labels that were set at once are added", () => {
  const labels = ["old", "bug", "agent"].map((title) => ({ title }));
  const body = Buffer.from(
    JSON.stringify({
      ...{
        object_kind: "issue",
        project: { path_with_namespace: "team/app" },
        user: { username: "ada" },
        labels,
      },
      object_attributes: {
        iid: 4,
        title: "Broken",
        state: "opened",
        action: "update",
        url: "u",
        updated_at: at,
      },
      changes: { labels: { previous: labels.slice(0, 1), current: labels } },
    }),
  );
  const headers: Readonly<Record<string, string>> = { "x-gitlab-token": secret, "idempotency-key": "one" };
  const { event } = readGitLabWebhook({ header: (name) => headers[name], body, secrets: [secret] });
  assert.ok(event.kind === "issue");
  assert.deepEqual(event.change, { type: "labelled", added: ["bug", "agent"] });
});

test("GitHub: a label that is not named is none of those that the issue has", () => {
  const issue = { number: 4, title: "Broken", state: "open", html_url: "u", updated_at: at };
  const payload = { action: "labeled", repository: { full_name: "team/app" }, sender: { login: "ada" } };
  const rest = { issue: { ...issue, body: null, user: { login: "eve" }, labels: [{ name: "agent" }] } };
  const body = Buffer.from(JSON.stringify({ ...payload, ...rest }));
  const headers: Readonly<Record<string, string>> = {
    ...{ "x-github-event": "issues", "x-github-delivery": "one" },
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  };
  const { event } = readGitHubWebhook({ header: (name) => headers[name], body, secrets: [secret] });
  assert.ok(event.kind === "issue");
  assert.deepEqual([event.issue.labels, event.change], [["agent"], { type: "other" }]);
});
