/** Completion in real shells, at a real terminal: a command is typed in part, completed with the tab key and run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { spawn } from "@lydell/node-pty";

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "holdfast-completion-"));
const program = join(home, "holdfast");
const env = { ...process.env, HOME: home, ZDOTDIR: home, PATH: `${home}${delimiter}${process.env["PATH"]}` };

before(() => {
  const quiet = "--disable-warning=ExperimentalWarning";
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" ${quiet} "${main}" "$@"\n`);
  chmodSync(program, 0o755);
});
after(() => rmSync(home, { recursive: true, force: true }));

function complete(...words: string[]): string[] {
  const { stdout } = spawnSync(program, ["complete", "--", ...words], { env, encoding: "utf8" });
  return stdout.trimEnd().split("\n");
}

const valuesOf = (lines: string[]): string[] => lines.map((line) => line.split("\t")[0] ?? "");

test("commands, verbs, options and values are candidates for the last word", () => {
  assert.deepEqual(valuesOf(complete("approv")), ["approvals", ":4"]);
  assert.deepEqual(valuesOf(complete("tasks", "")), [
    ...["list", "count", "show", "stop", "secrets", "diff", "files", "rebase", "apply", "prompt"],
    ...["sessions", "start-session", "rename-session", "close-session", "options", "choose"],
    ...["attempts", "keep", "archive", "restore", "delete", "mark", "label", "watch", "unwatch"],
    ...["hand-over", "accept", "decline", "take-back", "assign", ":4"],
  ]);
  assert.deepEqual(valuesOf(complete("tasks", "list", "--group", "")), [
    ...["repository", "agent", "status", "owner", "label", ":4"],
  ]);
  assert.deepEqual(valuesOf(complete("review", "re")), ["resolve", "reopen", "revert", ":4"]);
  assert.deepEqual(valuesOf(complete("run", "--app")), ["--approve", "--apply", ":4"]);
  assert.deepEqual(valuesOf(complete("run", "--approve", "")), ["ask", "allow", "deny", ":4"]);
  assert.deepEqual(valuesOf(complete("sandbox", "api", "")), ["agents", "acp", ":4"]);
  assert.deepEqual(valuesOf(complete("sandbox", "api", "acp", "--json")), ["--json", "--json-file", ":4"]);
  assert.deepEqual(valuesOf(complete("sandbox", "processes", "l")), ["list", "logs", ":4"]);
});

test("file names follow where a command takes them", () => {
  assert.deepEqual(complete("restore", ""), [":0"]);
  assert.deepEqual(complete("tasks", "list", "--data", ""), [":0"]);
});

test("an unknown command has no candidates", () => {
  assert.deepEqual(complete("nothing", ""), [":4"]);
});

test("a shell that is not supported is refused", () => {
  const { status, stderr } = spawnSync(program, ["complete", "tcsh"], { env, encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stderr, /"tcsh" is not one of bash, zsh, fish/);
});

const setUp = {
  bash: { args: ["--norc", "--noprofile", "-i"], load: "source <(holdfast complete bash)" },
  zsh: { args: ["-f", "-i"], load: "autoload -U compinit; compinit -u; source <(holdfast complete zsh)" },
  fish: { args: ["--no-config", "-i"], load: "holdfast complete fish | source" },
};

for (const [shell, { args, load }] of Object.entries(setUp)) {
  const missing = spawnSync(shell, ["--version"]).error === undefined ? false : `${shell} is not installed`;
  test(`${shell} completes a command with the tab key`, { skip: missing, timeout: 60_000 }, async (t) => {
    const terminal = spawn(shell, args, { cols: 200, env: { ...env, PS1: "$ ", TERM: "xterm" } });
    t.after(() => terminal.kill("SIGKILL"));
    let shown = "";
    let changed = Promise.withResolvers<void>();
    terminal.onData((text) => {
      shown += text;
      changed.resolve();
    });
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(plain(shown))) {
        changed = Promise.withResolvers();
        await changed.promise;
      }
      shown = "";
    };
    // The sum is printed only by a shell that reads commands, whatever it echoes.
    terminal.write(`${load}; ${shell === "fish" ? "math 41+1" : "echo $((41+1))"}\r`);
    await until(/^42/m);
    terminal.write("holdfast backu\t");
    await until(/backup /);
    terminal.write("--help\r");
    await until(/Copies the data directory/);
  });
}

/** The text without the escape sequences by which a shell draws its line. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\r", "").replaceAll("\u0007", "");
}
