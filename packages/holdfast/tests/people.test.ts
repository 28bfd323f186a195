import assert from "node:assert/strict";
import { test } from "node:test";
import { holdfast, scratch, startServer } from "./support.ts";

test("people and their API tokens are managed from the command line", async (t) => {
  const data = `${scratch(t)}/data`;
  const away = await holdfast(["people", "list", "--data", data]);
  assert.equal(away.code, 1, away.stderr);
  const { url } = await startServer(t, data, ["--people"]);
  const run = (...args: readonly string[]) => holdfast([...args, "--data", data]);
  assert.match((await run("people", "list")).stdout, /holdfast people invite --role owner/);
  const invited = await run("people", "invite", "--role", "member", "--email", "ada@example.org");
  const token = /^http:\S+\/join#invitation=(\S+)\n$/.exec(invited.stdout)?.[1] ?? "";
  const signUp = await fetch(`${url}/people/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-holdfast-invitation": token },
    body: JSON.stringify({ name: "Ada", email: "ada@example.org", password: "correct horse battery" }),
  });
  assert.equal(signUp.status, 200);
  assert.equal(
    (await run("people", "role", "ADA@example.org", "admin")).stdout,
    "ADA@example.org is admin now.\n",
  );
  const listed = JSON.parse((await run("people", "list", "--json")).stdout) as Readonly<
    Record<string, unknown>
  >;
  assert.deepEqual([listed["type"], listed["name"], listed["role"]], ["member", "Ada", "admin"]);

  const create = ["tokens", "create", "--for", "ada@example.org", "--name", "ci", "--scope", "read"];
  const bearer = (await run(...create)).stdout.trim();
  const me = () => fetch(`${url}/people/me`, { headers: { authorization: `Bearer ${bearer}` } });
  assert.equal((await me()).status, 200);
  const shown = JSON.parse((await run("tokens", "list", "--for", "ada@example.org", "--json")).stdout) as {
    readonly id: string;
    readonly scope: string;
  };
  assert.equal(shown.scope, "read");
  assert.equal((await run("tokens", "revoke", shown.id, "--for", "ada@example.org")).code, 0);
  assert.equal((await me()).status, 401);

  for (const [args, exit, reason] of [
    [["people", "role", "ada@example.org", "king"], 2, /viewer, member, admin, owner/],
    [["people", "role", "ada@example.org"], 2, /EMAIL ROLE/],
    [["people", "remove"], 2, /e-mail address is missing/],
    [["people", "list", "--role", "owner"], 2, /only for invite/],
    [["people", "remove", "bob@example.org"], 1, /member\.not_found/],
    [["tokens", "list"], 2, /--for is missing/],
    [["tokens", "create", "--for", "ada@example.org"], 2, /--name is missing/],
    [[...create, "--days", "367"], 1, /message\.invalid/],
    [["tokens", "revoke", "none", "--for", "ada@example.org"], 1, /token\.not_found/],
  ] as const) {
    const ended = await run(...args);
    assert.deepEqual(
      [ended.code, reason.test(ended.stderr)],
      [exit, true],
      `${args.join(" ")}: ${ended.stderr}`,
    );
  }
  assert.match((await run("people", "remove", "ada@example.org")).stdout, /Their tasks go on/);
  assert.match((await run("people", "list")).stdout, /There is nobody yet/);
});
