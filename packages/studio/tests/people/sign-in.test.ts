/** Sign-in by a link, and what the audit log has of sign-ins. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { openAudit } from "@holdfast/gate";
import { temporaryFolder } from "../support.ts";
import { asOperator, code, credentialsOf, joinAs, password, send, start } from "./studio-support.ts";

/** A Studio with Ada, and the links that its log gets. */
async function open(t: TestContext) {
  const logged = new Map<string, PromiseWithResolvers<string>>();
  const linkOf = (email: string) => {
    const entry = logged.get(email) ?? Promise.withResolvers<string>();
    logged.set(email, entry);
    return entry;
  };
  const warn = (message: string, fields?: unknown) => {
    const { email, link } = (fields ?? {}) as { readonly email: string; readonly link: string };
    if (message.includes("link to sign in")) linkOf(email).resolve(link);
  };
  const studio = await start(t, join(temporaryFolder(t), "data"), { log: { ...silentLogger, warn } });
  const ada = await joinAs(studio, await asOperator(studio), "member", "ada@example.org");
  const ask = (email: unknown) => send(studio, "POST", "/people/sign-in-link", {}, { email });
  const use = (token: unknown) => send(studio, "POST", "/people/sign-in-token", {}, { token });
  const tokenOf = async (email: string) =>
    /\/sign-in#token=(\w+)$/.exec(await linkOf(email).promise)?.[1] ?? "";
  const records = async () => {
    const audit = await openAudit(studio.dataDirectory);
    const found = (await audit.query({ limit: 1_000 })).filter(({ type }) => type.startsWith("person.sign"));
    return found.map(({ type, data }) => ({ type, ...data }));
  };
  return { studio, ada, ask, use, tokenOf, logged, records };
}

describe("a link to sign in", () => {
  test("signs in once, and is told to nobody who has no account", async (t) => {
    const { studio, ada, ask, use, tokenOf, logged } = await open(t);
    const answers = await Promise.all(["ADA@example.org", "ada@example.org", "nobody@example.org"].map(ask));
    for (const { status, body } of answers) assert.deepEqual([status, body], [202, {}]);
    assert.equal(code(await ask("")), "message.invalid");
    const token = await tokenOf("ada@example.org");
    const signedIn = await use(token);
    assert.equal(signedIn.status, 200);
    const me = await send(studio, "GET", "/people/me", credentialsOf(signedIn));
    assert.equal(me.body["id"], ada.id);
    assert.equal(code(await use(token)), "people.invalid_link");
    assert.equal(code(await use(`${token}x`)), "people.invalid_link");
    assert.equal(code(await use("")), "message.invalid");
    await studio.close();
    assert.deepEqual([...logged.keys()], ["ada@example.org"]);
  });
});

describe("the audit log", () => {
  test("has who signed in, how and from where, and what was refused", async (t) => {
    const { studio, ada, ask, use, tokenOf, records } = await open(t);
    const before = (await records()).length;
    const signIn = (given: string) =>
      send(studio, "POST", "/people/auth/sign-in/email", {}, { email: "ada@example.org", password: given });
    assert.equal((await signIn(password)).status, 200);
    assert.equal(code(await signIn("wrong horse battery")), "people.wrong_credentials");
    await ask("ada@example.org");
    await use(await tokenOf("ada@example.org"));
    await use("nonsense");
    const address = "127.0.0.1";
    assert.deepEqual((await records()).slice(before), [
      { type: "person.signed_in", person: ada.id, name: "ada@example.org", via: "password", address },
      { type: "person.sign_in_refused", email: "ada@example.org", via: "password", address },
      { type: "person.signed_in", person: ada.id, name: "ada@example.org", via: "link", address },
      { type: "person.sign_in_refused", email: "", via: "link", address },
    ]);
  });
});
