import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { mock, test } from "node:test";
import { createClient } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { spawn } from "@lydell/node-pty";
import { profileCommand } from "../src/cli/profile.ts";
import { topCommand } from "../src/cli/top/command.ts";
import { percentile } from "../src/cli/top/rates.ts";
import { notes } from "./actors-support.ts";
import { command } from "./support.ts";

interface Top {
  readonly servers: readonly {
    readonly url: string;
    readonly error?: string;
    readonly callsPerSecond?: number;
    readonly lagMs?: number;
  }[];
  readonly actors: readonly {
    readonly actor: string;
    readonly callsPerSecond: number;
    readonly errorsPerSecond: number;
    readonly p99Ms: number | null;
    readonly active: number;
  }[];
}

/** Runs the command in this process and returns what it prints. */
async function top(args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const log = mock.method(console, "log", (line: string) => void lines.push(line));
  try {
    assert.equal(await topCommand(["--interval", "0.5", ...args]), 0);
  } finally {
    log.mock.restore();
  }
  return lines.join("\n");
}

test("what a server does is shown: once, as JSON, and live", async (t) => {
  const { url, registry } = await notes(t);
  const client = createClient<typeof registry>(url);
  t.after(() => client.dispose());
  const plain = client.note.get("plain");
  // Calls go on for as long as the test reads: over HTTP, as those within the process leave it no time for anything else.
  const ended = new AbortController();
  const busy = (async () => {
    while (!ended.signal.aborted) {
      await plain.write("again");
      await plain.action({ name: "none", args: [] }).catch(() => undefined);
    }
  })();
  try {
    const { servers, actors } = JSON.parse(await top([url, "--json"])) as Top;
    assert.equal(servers[0]?.url, url);
    const [row] = actors;
    assert.equal(row?.actor, "note");
    assert.ok(row.callsPerSecond > 0 && row.active === 2, JSON.stringify(row));
    assert.ok(row.p99Ms !== null && row.p99Ms > 0, JSON.stringify(row));
    assert.ok((servers[0]?.lagMs ?? 0) > 0, JSON.stringify(servers));
    assert.equal(Math.round(servers[0]?.callsPerSecond ?? 0), Math.round(row.callsPerSecond));

    const table = await top(["--once", url, "--sort", "p99"]);
    assert.match(table, /up \d+ s .* MiB .* commits\/s\n\nactor .* p99 .*\nnote +\d/);
    assert.match(await top(["--once", url, "--filter", "other"]), /No actor/);

    const command = join(import.meta.dirname, "..", "bin", "holdfast.js");
    const live = spawn(process.execPath, [command, "top", url, "--interval", "0.2"], { cols: 120, rows: 24 });
    let output = "";
    const shown = Promise.withResolvers<void>();
    const ends = new Promise<number>((resolve) => live.onExit(({ exitCode }) => resolve(exitCode)));
    live.onData((data) => {
      output += data;
      if (/note +\d/.test(output)) shown.resolve();
    });
    await Promise.race([shown.promise, ends.then(() => assert.fail(output))]);
    live.write("s");
    live.write("q");
    assert.equal(await ends, 0, output);
    assert.ok(
      output.includes("now errors") && output.endsWith("\u001b[?1049l"),
      JSON.stringify(output.slice(-300)),
    );
  } finally {
    ended.abort();
    await busy;
  }
});

test("of several servers, one that does not answer takes nothing from the others", async (t) => {
  const { url } = await notes(t);
  const { servers } = JSON.parse(await top([url, "http://127.0.0.1:9", "--json"])) as Top;
  assert.equal(servers[0]?.error, undefined);
  assert.match(servers[1]?.error ?? "", /No server answers.*client\.network_error/);
  const gone = await command(["top", "--once", "http://127.0.0.1:9"]);
  assert.deepEqual([gone.code, /client\.network_error/.test(gone.stderr)], [1, true], gone.stderr);
  const piped = await command(["top", url]);
  assert.deepEqual([piped.code, /add --once or --json/.test(piped.stderr)], [2, true], piped.stderr);
  await assert.rejects(topCommand(["--once", "--sort", "size"]), /--sort is calls, errors/);
  await assert.rejects(topCommand(["--once", "--interval", "0"]), /--interval is a number/);
});

test("a profile of the server becomes a file of its owner, and replaces none", async (t) => {
  const { url, directory } = await notes(t);
  const file = join(directory, "own.heapsnapshot");
  const log = mock.method(console, "log", () => undefined);
  try {
    assert.equal(await profileCommand(["heap", "--url", url, "--output", file]), 0);
  } finally {
    log.mock.restore();
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(JSON.parse(readFileSync(file, "utf8")).snapshot);
  const again = profileCommand(["heap", "--url", url, "--output", file]);
  await assert.rejects(again, (error) => isErrorCode(error, "profile", "cannot_write"));
  await assert.rejects(profileCommand(["disk", "--url", url]), /There is no "profile disk"/);
});

test("durations within a bucket count as evenly spread", () => {
  const durations = new Map([
    [0.001, 0],
    [0.01, 100],
    [Number.POSITIVE_INFINITY, 200],
  ]);
  assert.equal(percentile(durations, 0.25)?.toFixed(2), "5.50");
  assert.equal(percentile(durations, 1), Number.POSITIVE_INFINITY);
  assert.equal(percentile(new Map([[0.001, 0]]), 0.5), null);
});
