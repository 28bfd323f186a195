import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { command, scratch, startServer } from "./support.ts";

interface Options {
  readonly demoTeam?: { readonly people: readonly { readonly email: string; readonly password: string }[] };
}

/** Names of the connected repositories, as the command line lists them. */
async function repositories(data: string): Promise<readonly string[]> {
  const { stdout } = await command(["repositories", "list", "--json", "--data", data]);
  const lines = stdout.trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { readonly name: string }).name).sort();
}

async function signIn(url: string): Promise<readonly number[]> {
  const options = (await (await fetch(`${url}/auth/options`)).json()) as Options;
  const people = options.demoTeam?.people ?? [];
  return Promise.all(
    people.map(async ({ email, password }) => {
      const response = await fetch(`${url}/people/auth/sign-in/email`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
      return response.status;
    }),
  );
}

const start = (t: TestContext, data: string, ...args: readonly string[]) =>
  startServer(t, data, ["--demo-team", "--unsafe-no-jail", ...args]);

test("the demo team has its people and repositories; a second start goes on, and --fresh begins anew", async (t) => {
  const data = join(scratch(t), "team");
  const first = await start(t, data);
  assert.deepEqual(await signIn(first.url), [200, 200]);
  assert.deepEqual(await repositories(data), ["harbor/lighthouse", "harbor/tides"]);
  const again = await command(["start", "--demo-team", "--fresh", "--unsafe-no-jail", "--data", data]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /demo_team\.running/);
  const { github: address } = JSON.parse(readFileSync(join(data, "github", "state.json"), "utf8")) as {
    readonly github: {
      readonly repositories: readonly { readonly hooks: readonly { readonly url: string }[] }[];
    };
  };
  for (const { hooks } of address.repositories)
    assert.deepEqual(
      hooks.map(({ url }) => url.startsWith(`${first.url}/forges/`)),
      [true],
    );
  // As a crash would.
  await first.stop("SIGKILL");

  const second = await start(t, data);
  assert.deepEqual(await repositories(data), ["harbor/lighthouse", "harbor/tides"]);
  const invited = await command(["invite", "--data", data]);
  assert.equal(invited.code, 0, invited.stderr);
  const people = async () =>
    (await command(["people", "list", "--json", "--data", data])).stdout.trim().split("\n");
  assert.equal((await people()).length, 3);
  await second.stop();

  const third = await start(t, data, "--fresh");
  assert.equal((await people()).length, 2);
  assert.deepEqual(await signIn(third.url), [200, 200]);
  await third.stop();
});

test("the demo team takes no folder of others, and no option that opens it to others", async (t) => {
  const data = join(scratch(t), "own");
  mkdirSync(data);
  writeFileSync(join(data, "precious.txt"), "mine");
  for (const [args, exit, reason] of [
    [["--demo-team", "--data", data], 1, /demo_team\.foreign_folder/],
    [["--demo-team", "--fresh", "--data", data], 1, /demo_team\.foreign_folder/],
    [["--demo-team", "--host", "0.0.0.0"], 2, /--demo-team and --host exclude each other/],
    [["--demo-team", "--people"], 2, /--demo-team and --people exclude each other/],
    [["--fresh", "--data", data], 2, /--fresh goes with --demo-team/],
  ] as const) {
    const ended = await command(["start", "--unsafe-no-jail", ...args]);
    assert.deepEqual([ended.code, reason.test(ended.stderr)], [exit, true], ended.stderr);
  }
  assert.ok(existsSync(join(data, "precious.txt")));
});
