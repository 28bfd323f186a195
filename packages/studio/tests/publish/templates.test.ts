/** Templates of pull requests, where each forge looks for them, read by real git. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createGit } from "../../src/git/git.ts";
import { readTemplates } from "../../src/remotes/pull-request-templates.ts";
import { makeRepository, sh, temporaryFolder } from "../support.ts";

test("the usual places of each forge, whatever the case; the default comes first", async (t) => {
  const directory = temporaryFolder(t);
  const path = makeRepository(directory, {
    ".github/PULL_REQUEST_TEMPLATE.md": "## What\r\n\r\n## Why\r\n",
    "docs/pull_request_template.md": "Of the docs\n",
    ".github/PULL_REQUEST_TEMPLATE/feature.md": "A feature\n",
    ".gitlab/merge_request_templates/Default.md": "Of GitLab\n",
    ".gitlab/merge_request_templates/Bug.md": "A bug\n",
    ".gitea/pull_request_template.md": "Of Gitea\n",
    "src/pull_request_template.md": "Of nobody\n",
  });
  const git = createGit(join(directory, "git"));
  const commit = sh(path, "rev-parse", "HEAD");
  const read = (kind: "github" | "gitlab" | "gitea") => readTemplates(git, join(path, ".git"), commit, kind);
  assert.deepEqual(await read("github"), [
    { name: "Default", body: "## What\n\n## Why" },
    { name: "feature", body: "A feature" },
  ]);
  assert.deepEqual(await read("gitlab"), [
    { name: "Default", body: "Of GitLab" },
    { name: "Bug", body: "A bug" },
  ]);
  assert.deepEqual((await read("gitea"))[0], { name: "Default", body: "Of Gitea" });
});

test("what is too large, a link, or absent is no template", async (t) => {
  const directory = temporaryFolder(t);
  const path = makeRepository(directory, { "pull_request_template.md": "x".repeat(17 * 1024) });
  const git = createGit(join(directory, "git"));
  const read = () => readTemplates(git, join(path, ".git"), sh(path, "rev-parse", "HEAD"), "github");
  assert.deepEqual(await read(), []);
  sh(path, "rm", "-q", "pull_request_template.md");
  sh(path, "commit", "-q", "-m", "Remove it");
  assert.deepEqual(await read(), []);
});
