/** Links to reset passwords, and a Studio behind a proxy. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, silentLogger } from "@holdfast/core";
import type { StudioOptions } from "../../src/index.ts";
import type { Credentials } from "../access/people-support.ts";
import { temporaryFolder } from "../support.ts";
import {
  type Answer,
  asOperator,
  code,
  joinAs,
  organization,
  password,
  send,
  start,
} from "./studio-support.ts";

describe("a password", () => {
  const reset = "/people/auth/reset-password";
  const newPassword = "another battery horse";
  const tokenOf = (link: unknown) => /\/reset#token=([\w-]+)$/.exec(String(link))?.[1] ?? "";

  test("is reset once by the link that an admin gets, which ends all sessions", async (t) => {
    const studio = await start(t);
    const operator = await asOperator(studio);
    const admin = await joinAs(studio, operator, "admin", "ada@example.org");
    const bob = await joinAs(studio, operator, "member", "bob@example.org");
    const path = `${organization}/members/${bob.id}/reset`;
    const made = await send(studio, "POST", path, admin.credentials);
    assert.equal(made.body["mailed"], false);
    assert.ok(String(made.body["link"]).startsWith(`${studio.url}/reset#token=`), String(made.body["link"]));
    const token = tokenOf(made.body["link"]);
    const set = (given: unknown, password: string) =>
      send(studio, "POST", reset, {}, { token: given, newPassword: password });
    assert.equal(code(await set(token, "short")), "people.refused");
    assert.equal(code(await set(`${token}x`, newPassword)), "people.refused");
    const both = await Promise.all([set(token, newPassword), set(token, newPassword)]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 400]);
    assert.equal((await send(studio, "GET", "/people/me", bob.credentials)).status, 401);
    const signInAs = (given: string) =>
      send(studio, "POST", "/people/auth/sign-in/email", {}, { email: "bob@example.org", password: given });
    assert.equal(code(await signInAs(password)), "people.wrong_credentials");
    assert.equal((await signInAs(newPassword)).status, 200);
  });

  test("of a greater role is not reset by an admin, and of nobody by a member", async (t) => {
    const studio = await start(t);
    const operator = await asOperator(studio);
    const owner = await joinAs(studio, operator, "owner", "ada@example.org");
    const admin = await joinAs(studio, operator, "admin", "bob@example.org");
    const member = await joinAs(studio, operator, "member", "eve@example.org");
    const ask = (id: string, by: Credentials) =>
      send(studio, "POST", `${organization}/members/${id}/reset`, by);
    assert.equal(code(await ask(owner.id, admin.credentials)), "member.forbidden_role");
    assert.equal(code(await ask("nobody", admin.credentials)), "member.not_found");
    assert.equal(code(await ask(admin.id, member.credentials)), "auth.forbidden");
    assert.equal((await ask(admin.id, owner.credentials)).status, 200);
  });

  test("of a stranger's request goes to the log, and the answer is the same for every address", async (t) => {
    const logged: (readonly [string, unknown])[] = [];
    const warn = (message: string, fields?: unknown) => void logged.push([message, fields]);
    const dataDirectory = join(temporaryFolder(t), "data");
    const studio = await start(t, dataDirectory, { log: { ...silentLogger, warn } });
    await joinAs(studio, await asOperator(studio), "member", "ada@example.org");
    const ask = (email: unknown) => send(studio, "POST", "/people/reset", {}, { email });
    const answers = await Promise.all(["ADA@example.org", "ada@example.org", "nobody@example.org"].map(ask));
    for (const { status, body } of answers) assert.deepEqual([status, body], [202, {}]);
    assert.equal(code(await ask("")), "message.invalid");
    await studio.close();
    const links = logged.filter(([message]) => message.includes("reset their password"));
    assert.equal(links.length, 1, "one link for an address in a minute");
    const fields = links[0]?.[1] as { readonly link: unknown } | undefined;
    assert.ok(tokenOf(fields?.link).length > 40);
  });
});

describe("behind a proxy", () => {
  const origin = "https://studio.example.org";

  test("with TLS, cookies are Secure, links have its origin, and its host is served", async (t) => {
    const studio = await start(t, undefined, { origin });
    const login = await fetch(`${studio.url}/auth/exchange`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ticket: await studio.issueTicket() }),
    });
    assert.match(login.headers.getSetCookie()[0] ?? "", /; Secure$/);
    const operator = await asOperator(studio);
    const ada = await joinAs(studio, operator, "member", "ada@example.org");
    assert.ok(ada.answer.cookies.every((cookie) => cookie.includes("; Secure")));
    assert.equal((await send(studio, "GET", "/people/me", ada.credentials)).status, 200);
    const made = await send(studio, "POST", `${organization}/invitations`, operator, { role: "viewer" });
    assert.ok(String(made.body["link"]).startsWith(`${origin}/join#invitation=local_`));
  });

  for (const wrong of [
    "studio.example.org",
    "https://studio.example.org/path",
    "ftp://a",
    "https://a:b@c",
    "",
  ])
    test(`"${wrong}" is no origin`, async (t) => {
      await assert.rejects(start(t, undefined, { origin: wrong }), (e) =>
        isErrorCode(e, "studio", "invalid_origin"),
      );
    });

  /** How many of four attempts to sign in are refused for their number, each from its own forwarded address. */
  async function refusedOf(t: TestContext, options: Partial<StudioOptions>, last: (index: number) => string) {
    const studio = await start(t, undefined, options);
    const body = { email: "nobody@example.org", password };
    const answers: Answer[] = [];
    for (let index = 0; index < 4; index++) {
      const headers = { "x-forwarded-for": `192.0.2.${index}, ${last(index)}` };
      answers.push(await send(studio, "POST", "/people/auth/sign-in/email", headers, body));
    }
    return answers.filter((answer) => code(answer) === "people.too_many_attempts").length;
  }

  test("attempts are counted by the address that the proxy adds, if the operator trusts it", async (t) => {
    assert.equal(await refusedOf(t, {}, (index) => `198.51.100.${index}`), 1);
    assert.equal(await refusedOf(t, { trustProxy: true }, (index) => `198.51.100.${index}`), 0);
    assert.equal(await refusedOf(t, { trustProxy: true }, () => "198.51.100.1"), 1);
    assert.equal(await refusedOf(t, { trustProxy: true }, () => "not an address"), 1);
  });
});
