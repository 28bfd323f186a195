import assert from "node:assert/strict";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mailServerProblem, startMailServer } from "@holdfast/testing/mail-server";
import { command, scratch, startServer } from "./support.ts";

test("people and their API tokens are managed from the command line", async (t) => {
  const data = `${scratch(t)}/data`;
  const away = await command(["people", "list", "--data", data]);
  assert.equal(away.code, 1, away.stderr);
  const { url } = await startServer(t, data, ["--people"]);
  const run = (...args: readonly string[]) => command([...args, "--data", data]);
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
  await actAsPerson(t, { url, data, bearer });
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

/** Logs in with a token of the scope "read", and acts with it. */
async function actAsPerson(
  t: TestContext,
  { url, data, bearer }: { readonly url: string; readonly data: string; readonly bearer: string },
): Promise<void> {
  const config = scratch(t);
  const environment = { XDG_CONFIG_HOME: config };
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    command(args, { env: { ...environment, ...more } });
  assert.match((await run(["whoami"])).stdout, /^The operator of /);
  const wrong = await run(["login", url, "--token", `${bearer}x`]);
  assert.deepEqual([wrong.code, /login\.refused/.test(wrong.stderr)], [1, true], wrong.stderr);
  assert.equal((await run(["login", "http://studio.example.org", "--token", bearer])).code, 2);
  const loggedIn = await run(["login", url], { HOLDFAST_API_TOKEN: bearer });
  assert.match(
    loggedIn.stdout,
    /Commands act as Ada \(ada@example\.org\), with the scope "read"/,
    loggedIn.stderr,
  );
  const file = join(config, "holdfast", "login.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const me = JSON.parse((await run(["whoami", "--json"])).stdout) as Readonly<Record<string, unknown>>;
  assert.deepEqual([me["email"], me["scope"], me["url"]], ["ada@example.org", "read", url]);
  assert.match((await run(["people", "list"])).stdout, /ada@example\.org/);
  assert.match((await run(["inbox"])).stdout, /Nothing needs you/);
  // The scope holds, whatever the role is.
  const refused = await run(["new", "--repo", "sample", "--agent", "demo", "Do it"]);
  assert.deepEqual([refused.code, /auth\.forbidden/.test(refused.stderr)], [1, true], refused.stderr);
  // Whoever names the data directory is its operator.
  assert.match((await run(["whoami", "--data", data])).stdout, /^The operator of /);
  assert.equal((await run(["tokens", "list", "--for", "ada@example.org", "--data", data])).code, 0);
  assert.match((await run(["tokens", "list", "--for", "ada@example.org"])).stderr, /auth\.forbidden/);

  chmodSync(file, 0o644);
  assert.match((await run(["inbox"])).stderr, /login\.unsafe_file/);
  assert.match((await run(["logout"])).stdout, /The token is forgotten/);
  assert.match((await run(["whoami"])).stdout, /^The operator of /);
  const here = { HOLDFAST_URL: url, HOLDFAST_API_TOKEN: bearer };
  assert.match((await run(["whoami"], here)).stdout, /^Ada /);
}

test("with a mail server, invitations and links to reset a password arrive by mail", async (t) => {
  const problem = mailServerProblem();
  if (problem !== undefined) return t.skip(problem);
  const mail = await startMailServer();
  t.after(() => mail.close());
  const directory = scratch(t);
  const data = `${directory}/data`;
  const authority = `${directory}/authority.pem`;
  writeFileSync(authority, mail.certificate);
  const { host, port } = mail.smtp;
  const { url } = await startServer(t, data, ["--people"], {
    HOLDFAST_SMTP_URL: `smtp://${encodeURIComponent(mail.address)}:${mail.password}@${host}:${port}`,
    HOLDFAST_SMTP_FROM: "Holdfast <holdfast@example.org>",
    NODE_EXTRA_CA_CERTS: authority,
  });
  const linkIn = (text: string) =>
    /http:\S+#\w+=[\w-]+/.exec(text.replaceAll("=\r\n", "").replaceAll("=3D", "="))?.[0];
  const post = (path: string, body: unknown, headers = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const invited = await command(["people", "invite", "--email", "ada@example.org", "--json", "--data", data]);
  const { link, mailed } = JSON.parse(invited.stdout) as { readonly link: string; readonly mailed: boolean };
  assert.equal(mailed, true);
  assert.equal(linkIn(await mail.waitForDelivery("You are invited to Holdfast")), link);
  const token = link.split("=")[1] ?? "";
  const password = "correct horse battery";
  const signUp = { name: "Ada", email: "ada@example.org", password };
  const joined = await post("/people/auth/sign-up/email", signUp, { "x-holdfast-invitation": token });
  assert.equal(joined.status, 200);
  assert.equal((await post("/people/reset", { email: "ada@example.org" })).status, 202);
  const reset = linkIn(await mail.waitForDelivery("Reset your password for Holdfast")) ?? "";
  const newPassword = `${password} staple`;
  const changed = await post("/people/auth/reset-password", { token: reset.split("=")[1], newPassword });
  assert.equal(changed.status, 200, await changed.text());
  const nobody = await command([
    "people",
    "invite",
    "--email",
    "nobody@example.org",
    "--json",
    "--data",
    data,
  ]);
  // The mail server refuses this one: the link is printed all the same.
  assert.equal((JSON.parse(nobody.stdout) as { readonly mailed: boolean }).mailed, false);
});
