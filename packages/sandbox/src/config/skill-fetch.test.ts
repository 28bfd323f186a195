import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import { Paths } from "../fs/paths/paths.ts";
import { SkillFetcher } from "./skill-fetch.ts";

test("concurrent fetches of an unreachable repository both fall back to the cached copy", async () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-skills-")));
  removeAtExit(home);
  const repository = join(home, "repository");
  const author = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  execFileSync("git", ["init", "--quiet", repository]);
  writeFileSync(join(repository, "SKILL.md"), "x");
  execFileSync("git", ["-C", repository, "add", "."]);
  execFileSync("git", ["-C", repository, ...author, "commit", "--quiet", "--message", "x"]);
  const options = {
    paths: await Paths.create(undefined, home),
    cacheDirectory: join(home, "cache"),
    env: { PATH: process.env.PATH ?? "", HOME: home },
    log: silentLogger,
  };
  const source = { type: "git", source: repository };
  const cached = await new SkillFetcher(options).fetch(source, home);
  rmSync(repository, { recursive: true });
  const later = new SkillFetcher(options);
  const both = await Promise.all([later.fetch(source, home), later.fetch(source, home)]);
  assert.deepEqual(both, [cached, cached]);
});
