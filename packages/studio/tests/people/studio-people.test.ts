/** People of a whole Studio, over HTTP and WebSockets. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openAudit } from "@holdfast/gate";
import type { Role } from "../../src/access/roles.ts";
import { createStudio, createStudioClient } from "../../src/index.ts";
import { connectAs } from "../access/people-support.ts";
import { makeRepository, needsJail, temporaryFolder } from "../support.ts";
import {
  asOperator,
  code,
  is,
  joinAs,
  listTasks,
  organization,
  password,
  refusalOf,
  send,
  signIn,
  start,
} from "./studio-support.ts";

describe("people", () => {
  test("join by an invitation only, with its role", async (t) => {
    const studio = await start(t);
    const signUp = { name: "Eve", email: "eve@example.org", password };
    const path = "/people/auth/sign-up/email";
    assert.equal(code(await send(studio, "POST", path, {}, signUp)), "invitation.required");
    for (const token of ["local_wrong", "other_wrong", "wrong", "local_"]) {
      const answer = await send(studio, "POST", path, { "x-holdfast-invitation": token }, signUp);
      assert.equal(code(answer), "invitation.not_found", token);
    }
    const operator = await asOperator(studio);
    const owner = await joinAs(studio, operator, "owner", "ada@example.org");
    const again = await send(studio, "POST", `${organization}/invitations`, operator, { role: "viewer" });
    const taken = await send(
      ...([studio, "POST", path] as const),
      { "x-holdfast-invitation": String(again.body["token"]) },
      { ...signUp, email: "ADA@example.org" },
    );
    assert.equal(code(taken), "people.already_exists");
    const viewer = await joinAs(studio, owner.credentials, "viewer", "bob@example.org");
    const me = await send(studio, "GET", "/people/me", viewer.credentials);
    assert.deepEqual(me.body["organizations"], [{ id: "local", role: "viewer" }]);
    assert.deepEqual((await listTasks(t, studio, viewer.credentials)).tasks, []);
    const client = createStudioClient(connectAs(t, studio.url, viewer.credentials));
    const input = { repository: "sample", agent: "demo", prompt: "hi" };
    await assert.rejects(client.organization.createTask(input), is("forbidden"));
    const invited = await send(studio, "POST", `${organization}/invitations`, viewer.credentials, {
      role: "viewer",
    });
    assert.equal(code(invited), "auth.forbidden");
    const members = await send(studio, "GET", `${organization}/members`, viewer.credentials);
    const roles = (members.body["members"] as readonly { readonly role: Role }[]).map(({ role }) => role);
    assert.deepEqual(roles, ["owner", "viewer"]);
    for (const each of owner.answer.cookies) assert.match(each, /HttpOnly; SameSite=Lax/);
    // The last owner stays.
    assert.equal(
      code(await send(studio, "POST", `${organization}/leave`, owner.credentials)),
      "member.last_owner",
    );
    assert.equal((await send(studio, "POST", `${organization}/leave`, viewer.credentials)).status, 204);
    await assert.rejects(listTasks(t, studio, viewer.credentials), is("forbidden"));
    assert.deepEqual((await send(studio, "GET", "/people/me", viewer.credentials)).body["organizations"], []);
  });

  test("stay signed in when the server restarts, and not with a changed cookie", async (t) => {
    const dataDirectory = join(temporaryFolder(t), "data");
    const first = await start(t, dataDirectory);
    const { credentials } = await joinAs(first, await asOperator(first), "member", "ada@example.org");
    await first.close();
    const studio = await start(t, dataDirectory);
    assert.deepEqual((await listTasks(t, studio, credentials)).tasks, []);
    const { cookie = "" } = credentials;
    const [name = "", value = ""] = cookie.split("=", 2);
    const [token = "", signature = ""] = decodeURIComponent(value).split(".");
    for (const wrong of [token, `${token}x.${signature}`, `${token}.${signature.slice(2)}`, "", "x.y"]) {
      const changed = { cookie: `${name}=${encodeURIComponent(wrong)}` };
      assert.equal((await send(studio, "GET", "/people/me", changed)).status, 401, wrong);
    }
    const wrong = { email: "ada@example.org", password: `${password}!` };
    const attempt = () => send(studio, "POST", "/people/auth/sign-in/email", {}, wrong);
    assert.equal(code(await attempt()), "people.wrong_credentials");
    const attempts = await Promise.all(Array.from({ length: 10 }, attempt));
    assert.ok(attempts.some((each) => code(each) === "people.too_many_attempts"));
  });
});

describe("an invitation", () => {
  const invitationPath = "/people/invitation";
  const header = (token: unknown) => ({ "x-holdfast-invitation": String(token) });

  test("says what it offers to whoever has its link, and not to others", async (t) => {
    const studio = await start(t);
    const operator = await asOperator(studio);
    const ada = await joinAs(studio, operator, "admin", "ada@example.org");
    const body = { role: "member", email: "bob@example.org" };
    const made = await send(studio, "POST", `${organization}/invitations`, ada.credentials, body);
    const offer = await send(studio, "GET", invitationPath, header(made.body["token"]));
    assert.deepEqual(offer.body, {
      ...body,
      invitedBy: "ada@example.org",
      expiresAt: made.body["expiresAt"],
      organization: { id: "local", name: "First organization" },
    });
    assert.equal(code(await send(studio, "GET", invitationPath)), "invitation.required");
    assert.equal(code(await send(studio, "GET", invitationPath, header("local_x"))), "invitation.not_found");
  });

  test("with a new link is no longer accepted by the earlier one, and by neither once it is revoked", async (t) => {
    const studio = await start(t);
    const operator = await asOperator(studio);
    const admin = await joinAs(studio, operator, "admin", "ada@example.org");
    const path = `${organization}/invitations`;
    const first = await send(studio, "POST", path, operator, { role: "member" });
    const id = String(first.body["id"]);
    const second = await send(studio, "POST", `${path}/${id}/renew`, admin.credentials);
    assert.equal(second.status, 200);
    assert.equal(second.body["id"], id);
    const ask = (token: unknown) => send(studio, "GET", invitationPath, header(token));
    assert.equal(code(await ask(first.body["token"])), "invitation.not_found");
    assert.equal((await ask(second.body["token"])).status, 200);
    const great = await send(studio, "POST", path, operator, { role: "owner" });
    const tooGreat = `${path}/${String(great.body["id"])}/renew`;
    assert.equal(code(await send(studio, "POST", tooGreat, admin.credentials)), "member.forbidden_role");
    assert.equal((await send(studio, "DELETE", `${path}/${id}`, admin.credentials)).status, 204);
    assert.equal(code(await ask(second.body["token"])), "invitation.not_found");
    const gone = await send(studio, "POST", `${path}/${id}/renew`, admin.credentials);
    assert.equal(code(gone), "invitation.not_found");
  });
});

test("a person changes their name, which the list of members shows, with the time when they were seen", async (t) => {
  const studio = await start(t);
  const before = Date.now();
  const ada = await joinAs(studio, await asOperator(studio), "member", "ada@example.org");
  const rename = (name: unknown) => send(studio, "PATCH", "/people/me", ada.credentials, { name });
  for (const bad of ["", "  ", "x".repeat(101), 1, null])
    assert.equal(code(await rename(bad)), "message.invalid", String(bad));
  assert.equal((await rename(" Ada L. ")).status, 204);
  assert.equal((await send(studio, "GET", "/people/me", ada.credentials)).body["name"], "Ada L.");
  const { body } = await send(studio, "GET", `${organization}/members`, ada.credentials);
  const [member] = body["members"] as readonly { readonly name: string; readonly seenAt: number }[];
  assert.equal(member?.name, "Ada L.");
  assert.ok(member.seenAt >= before && member.seenAt <= Date.now(), String(member.seenAt));
});

describe("a session", () => {
  test("that ends has no right from then on, and its connections close", async (t) => {
    const studio = await start(t);
    const { credentials } = await joinAs(studio, await asOperator(studio), "member", "ada@example.org");
    const other = await signIn(studio, "ADA@example.org");
    const connection = connectAs(t, studio.url, credentials).getOrCreate("organization", ["local"]).connect();
    await connection.ready;
    const refused = refusalOf(t, connection);
    const { body } = await send(studio, "GET", "/people/sessions", other);
    const sessions = body["sessions"] as readonly {
      readonly id: string;
      readonly createdAt: number;
      readonly isCurrent: boolean;
    }[];
    assert.equal(sessions.length, 2);
    assert.deepEqual(
      sessions.toSorted((a, b) => a.createdAt - b.createdAt).map(({ isCurrent }) => isCurrent),
      [false, true],
    );
    const oldest = sessions.toSorted((a, b) => a.createdAt - b.createdAt)[0]?.id ?? "";
    assert.equal((await send(studio, "DELETE", `/people/sessions/${oldest}`, other)).status, 204);
    assert.equal((await send(studio, "GET", "/people/me", credentials)).status, 401);
    assert.equal(await refused, "unauthorized");
    assert.equal((await send(studio, "GET", "/people/me", other)).status, 200);
    assert.equal(
      code(await send(studio, "DELETE", `/people/sessions/${oldest}`, other)),
      "session.not_found",
    );
    assert.equal((await send(studio, "POST", "/people/auth/sign-out", other, {})).status, 200);
    assert.equal((await send(studio, "GET", "/people/me", other)).status, 401);
  });
});

describe("an API token", () => {
  test("is shown once, acts within its scope, and ends when it is deleted", async (t) => {
    const studio = await start(t);
    const { credentials } = await joinAs(studio, await asOperator(studio), "admin", "ada@example.org");
    const create = (body: unknown) => send(studio, "POST", "/people/tokens", credentials, body);
    const made = await create({ name: "script", scope: "read", days: 1 });
    assert.equal(made.status, 201);
    const text = String(made.body["token"]);
    const bearer = { authorization: `Bearer ${text}` };
    assert.deepEqual((await listTasks(t, studio, bearer)).tasks, []);
    const client = createStudioClient(connectAs(t, studio.url, bearer));
    const input = { repository: "sample", agent: "none", prompt: "hi" };
    await assert.rejects(client.organization.createTask(input), is("forbidden"));
    const listed = await send(studio, "GET", "/people/tokens", credentials);
    assert.ok(!JSON.stringify(listed.body).includes(text.slice(-20)), "the token is listed");
    for (const [method, path] of [
      ["GET", "/people/tokens"],
      ["POST", "/people/tokens"],
      ["GET", "/people/sessions"],
    ] as const)
      assert.equal(code(await send(studio, method, path, bearer)), "auth.forbidden", path);
    assert.equal((await send(studio, "GET", "/actors/count", bearer)).status, 403);
    for (const wrong of [
      text.slice(0, -1),
      `${text}x`,
      "hf_",
      "hf__",
      "hf_nobody_x",
      text.replace("hf_", ""),
    ])
      assert.equal(
        (await send(studio, "GET", "/people/me", { authorization: `Bearer ${wrong}` })).status,
        401,
        wrong,
      );
    for (const bad of [
      { name: "", scope: "read" },
      { name: "x", scope: "root" },
      { name: "x", scope: "read", days: 0 },
      { name: "x", scope: "read", days: 367 },
      { name: "x", scope: "read", days: 1.5 },
    ])
      assert.equal(code(await create(bad)), "message.invalid", JSON.stringify(bad));
    const id = String(made.body["id"]);
    assert.equal((await send(studio, "DELETE", `/people/tokens/${id}`, credentials)).status, 204);
    await assert.rejects(listTasks(t, studio, bearer), is("unauthorized"));
  });
});

test("API tokens of a removed member do not work again when the person is invited again", async (t) => {
  const studio = await start(t);
  const operator = await asOperator(studio);
  const bob = await joinAs(studio, operator, "member", "bob@example.org");
  const body = { name: "script", scope: "read", days: 1 };
  const { token } = (await send(studio, "POST", "/people/tokens", bob.credentials, body)).body;
  const bearer = { authorization: `Bearer ${String(token)}` };
  assert.deepEqual((await listTasks(t, studio, bearer)).tasks, []);
  assert.equal((await send(studio, "DELETE", `${organization}/members/${bob.id}`, operator)).status, 204);
  await assert.rejects(listTasks(t, studio, bearer), is("unauthorized"));
  const invited = await send(studio, "POST", `${organization}/invitations`, operator, { role: "member" });
  const again = { token: invited.body["token"] };
  assert.equal((await send(studio, "POST", "/people/accept", bob.credentials, again)).status, 200);
  assert.deepEqual((await listTasks(t, studio, bob.credentials)).tasks, []);
  await assert.rejects(listTasks(t, studio, bearer), is("unauthorized"));
});

test("the audit log says who did what, and how they signed in; a task says who started it", async (t) => {
  if (!needsJail(t)) return;
  const studio = await start(t);
  const operator = await asOperator(studio);
  const ada = await joinAs(studio, operator, "admin", "ada@example.org");
  const body = { name: "script", scope: "write", days: 1 };
  const made = await send(studio, "POST", "/people/tokens", ada.credentials, body);
  const bearer = { authorization: `Bearer ${String(made.body["token"])}` };
  const client = createStudioClient(connectAs(t, studio.url, bearer));
  const repository = makeRepository(temporaryFolder(t));
  const task = await client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
  assert.deepEqual(task.startedBy, { id: ada.id, name: "ada@example.org" });
  const byAda = createStudioClient(connectAs(t, studio.url, ada.credentials));
  await byAda.task(task.id).stop();
  await byAda.organization.checkRepository(repository);
  assert.deepEqual((await byAda.task(task.id).get()).startedBy, task.startedBy);
  const { tasks } = await byAda.organization.listTasks();
  assert.deepEqual(tasks[0]?.startedBy, task.startedBy);
  const ownTask = await studio.client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
  assert.equal(ownTask.startedBy, undefined);
  await studio.client.task(ownTask.id).stop();
  const guess = { email: "ada@example.org", password: "not-the-password" };
  assert.equal(
    code(await send(studio, "POST", "/people/auth/sign-in/email", {}, guess)),
    "people.wrong_credentials",
  );
  await studio.close();
  const audit = await openAudit(studio.dataDirectory);
  const records = await audit.query({ type: "person.*" });
  const told = records.slice(0, -1).map(({ type, session, data = {} }) => {
    const { person, name, via, action, route } = data;
    const who = person === ada.id ? "ada" : String(person);
    assert.equal(name, person === ada.id ? "ada@example.org" : undefined);
    return [type, who, via, action ?? route, session].filter((each) => each !== undefined).join(" ");
  });
  assert.deepEqual(told, [
    "person.signed_in operator link",
    "person.request operator login POST /people/organizations/:organization/invitations",
    "person.request ada session POST /people/tokens",
    "person.action ada token organization.createTask",
    `person.action ada session task.stop ${task.id}`,
  ]);
  const refused = records.at(-1);
  assert.equal(refused?.type, "person.sign_in_refused");
  assert.equal(refused.data?.["email"], "ada@example.org");
  for (const secret of [String(made.body["token"]), guess.password])
    assert.ok(!JSON.stringify(records).includes(secret), "the log has a secret");
});

test("the operator makes API tokens for a member, and nobody else does", async (t) => {
  const studio = await start(t);
  const operator = await asOperator(studio);
  const owner = await joinAs(studio, operator, "owner", "ada@example.org");
  const bob = await joinAs(studio, operator, "member", "bob@example.org");
  const path = `/people/accounts/${bob.id}/tokens`;
  const body = { name: "ci", scope: "all", days: 1 };
  for (const credentials of [owner.credentials, bob.credentials])
    assert.equal(code(await send(studio, "POST", path, credentials, body)), "auth.forbidden");
  assert.equal(
    code(await send(studio, "POST", path, operator, { ...body, scope: "root" })),
    "message.invalid",
  );
  const nobody = await send(studio, "POST", "/people/accounts/nobody/tokens", operator, body);
  assert.equal(code(nobody), "member.not_found");
  const made = await send(studio, "POST", path, operator, body);
  const bearer = { authorization: `Bearer ${String(made.body["token"])}` };
  assert.equal((await send(studio, "GET", "/people/me", bearer)).body["email"], "bob@example.org");
  const { tokens } = (await send(studio, "GET", path, operator)).body as {
    readonly tokens: readonly unknown[];
  };
  assert.equal(tokens.length, 1);
  assert.equal((await send(studio, "DELETE", `${path}/${String(made.body["id"])}`, operator)).status, 204);
  assert.equal((await send(studio, "GET", "/people/me", bearer)).status, 401);
  assert.equal(code(await send(studio, "DELETE", `${path}/none`, operator)), "token.not_found");
});

test("a member who is removed while their task runs loses it, and the task goes on", async (t) => {
  if (!needsJail(t)) return;
  const studio = await start(t);
  const owner = await joinAs(studio, await asOperator(studio), "owner", "ada@example.org");
  const member = await joinAs(studio, owner.credentials, "member", "bob@example.org");
  const client = createStudioClient(connectAs(t, studio.url, member.credentials));
  const repository = makeRepository(temporaryFolder(t));
  const { id } = await client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
  const connection = connectAs(t, studio.url, member.credentials).get("task", [id]).connect();
  await connection.ready;
  const refused = refusalOf(t, connection);
  const path = `${organization}/members/${member.id}`;
  assert.equal(code(await send(studio, "DELETE", path, member.credentials)), "auth.forbidden");
  assert.equal((await send(studio, "DELETE", path, owner.credentials)).status, 204);
  assert.equal(await refused, "forbidden");
  await assert.rejects(client.task(id).get(), is("forbidden"));
  await assert.rejects(client.task(id).prompt("more"), is("forbidden"));
  const sandbox = await send(studio, "GET", `/tasks/${id}/sandbox/v1/health`, member.credentials);
  assert.equal(code(sandbox), "auth.forbidden");
  const seen = await createStudioClient(connectAs(t, studio.url, owner.credentials))
    .task(id)
    .get();
  assert.ok(["preparing", "running", "waiting"].includes(seen.status), seen.status);
  await studio.client.task(id).stop();
});

test("without the option there are no accounts", async (t) => {
  const studio = await createStudio({
    dataDirectory: join(temporaryFolder(t), "data"),
    environment: {},
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const answer = await send(studio, "POST", "/people/auth/sign-in/email", {}, { email: "a@b.c", password });
  assert.equal(code(answer), "people.not_enabled");
  assert.deepEqual((await send(studio, "GET", "/auth/options")).body, { people: false, mail: false });
  const me = await send(studio, "GET", "/people/me", await asOperator(studio));
  assert.equal(code(me), "people.not_enabled");
});
