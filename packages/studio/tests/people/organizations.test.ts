/** Several organizations in one Studio: what each has, who may do what, and that nothing is left of a deleted one. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createStudioClient, type Studio } from "../../src/index.ts";
import { type Credentials, connectAs } from "../access/people-support.ts";
import { temporaryFolder } from "../support.ts";
import { asOperator, code, joinAs, refusalOf, send, start } from "./studio-support.ts";

const at = "/people/organizations";

async function create(studio: Studio, by: Credentials, name: string): Promise<string> {
  const answer = await send(studio, "POST", at, by, { name });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return String(answer.body["id"]);
}

async function list(studio: Studio, by: Credentials): Promise<readonly unknown[]> {
  return (await send(studio, "GET", at, by)).body["organizations"] as readonly unknown[];
}

test("organizations of one Studio", async (t) => {
  const data = join(temporaryFolder(t), "data");
  const studio = await start(t, data);
  const operator = await asOperator(studio);
  const ann = await joinAs(studio, operator, "owner", "ann@example.org");
  const ben = await joinAs(studio, operator, "viewer", "ben@example.org");
  const first = { id: "local", name: "First organization", role: "owner" };
  let acme = "";
  const clientOf = (by: Credentials, organization: string) =>
    createStudioClient(connectAs(t, studio.url, by), organization);

  await t.test("whoever may start work creates one, and owns it", async () => {
    acme = await create(studio, ann.credentials, "Acme");
    assert.match(acme, /^org[0-9a-f]{12}$/);
    assert.deepEqual(await list(studio, ann.credentials), [first, { id: acme, name: "Acme", role: "owner" }]);
    assert.equal(
      code(await send(studio, "POST", at, ben.credentials, { name: "Bens" })),
      "organization.may_not_create",
    );
    const profile = (await send(studio, "GET", "/people/me", ann.credentials)).body["organizations"];
    assert.deepEqual(profile, [
      { id: "local", role: "owner" },
      { id: acme, role: "owner" },
    ]);
  });

  await t.test(
    "a member of one has no access to another, until they are invited with a role there",
    async () => {
      const tasks = () => clientOf(ben.credentials, acme).organization.listTasks();
      await assert.rejects(tasks(), (error) => isErrorCode(error, "auth", "forbidden"));
      const path = `${at}/${acme}`;
      assert.equal(code(await send(studio, "GET", path, ben.credentials)), "auth.forbidden");
      const invited = await send(studio, "POST", `${path}/invitations`, ann.credentials, { role: "admin" });
      const headers = { "x-holdfast-invitation": String(invited.body["token"]) };
      const offer = await send(studio, "GET", "/people/invitation", headers);
      assert.deepEqual(offer.body["organization"], { id: acme, name: "Acme" });
      const token = invited.body["token"];
      const accepted = await send(studio, "POST", "/people/accept", ben.credentials, { token });
      assert.deepEqual(accepted.body, { id: acme, role: "admin" });
      assert.equal((await tasks()).tasks.length, 0);
      assert.deepEqual(await list(studio, ben.credentials), [
        { ...first, role: "viewer" },
        { id: acme, name: "Acme", role: "admin" },
      ]);
    },
  );

  await t.test("an invitation of an unknown organization is none, and creates none", async () => {
    for (const token of ["orgabcdefabcdef_secret", "secret", "_x"])
      assert.equal(
        code(await send(studio, "POST", "/people/accept", ben.credentials, { token })),
        "invitation.not_found",
        token,
      );
    assert.equal((await list(studio, operator)).length, 2);
  });

  await t.test("each has its own budgets, views, defaults, drafts and schedules", async () => {
    const [here, there] = [clientOf(ann.credentials, acme), clientOf(ann.credentials, "local")];
    const budget = { id: "all", scope: "organization", period: "day", costMicros: 5_000_000 } as const;
    await here.usage.saveBudget(budget);
    assert.equal((await here.usage.budgets()).budgets.length, 1);
    assert.equal((await there.usage.budgets()).budgets.length, 0);
    await here.attention.setNotificationDefaults({ mailAfterMinutes: 7 });
    assert.deepEqual(await there.attention.notificationDefaults(), {});
    await here.drafts(ann.id).save("new", { text: "a draft", attachments: [] }, "device");
    assert.equal(await there.drafts(ann.id).get("new"), null);
    assert.equal((await here.drafts(ann.id).get("new"))?.text, "a draft");
    assert.deepEqual(await here.schedules.list(), []);
    await assert.rejects(clientOf(ben.credentials, acme).drafts(ann.id).get("new"), (error) =>
      isErrorCode(error, "auth", "forbidden"),
    );
  });

  await t.test(
    "the machine is the first organization's: folders, its status, rules and connections",
    async () => {
      const { organization, administration } = clientOf(ann.credentials, acme);
      const refused = (error: unknown) => isErrorCode(error, "repository", "folder_not_allowed");
      await assert.rejects(organization.checkRepository("/"), refused);
      await assert.rejects(organization.repositoryFiles("/", "etc"), refused);
      await assert.rejects(organization.environment("/"), refused);
      const input = { repository: "/", agent: "demo", prompt: "Look around" };
      await assert.rejects(organization.createTask(input), refused);
      await assert.rejects(organization.createTask({ ...input, repository: "sample" }), refused);
      assert.deepEqual((await organization.system()).checks, []);
      assert.equal((await organization.system()).dataDirectory, "");
      assert.deepEqual(await organization.listGroups(), []);
      for (const call of [administration.policy(), administration.connections(), administration.secrets()])
        await assert.rejects(call, (error) => isErrorCode(error, "auth", "forbidden"));
    },
  );

  await t.test("the audit log of each shows what was done there", async () => {
    const of = async (by: Credentials, id: string) => {
      const { records } = await clientOf(by, id).administration.audit({ type: "person", limit: 500 });
      return records.map(({ data }) => String(data?.["organization"] ?? data?.["key"] ?? ""));
    };
    const [here, there] = [await of(ann.credentials, acme), await of(ann.credentials, "local")];
    assert.ok(here.length > 3 && here.every((key) => key === acme), here.join());
    assert.ok(there.length > 3 && !there.includes(acme), there.join());
    assert.ok((await of(operator, "local")).includes(acme), "the operator sees all");
  });

  await t.test("an admin of one does not get at the account of a member of another", async () => {
    const path = `${at}/${acme}/members/${ann.id}`;
    assert.equal(
      code(await send(studio, "POST", `${path}/reset`, ben.credentials)),
      "member.forbidden_role",
      "nor of an owner",
    );
    const bens = `${at}/${acme}/members/${ben.id}/reset`;
    assert.equal(code(await send(studio, "POST", bens, ann.credentials)), "member.in_other_organizations");
  });

  await t.test("leaving one leaves the others, and their tokens", async () => {
    const made = await send(studio, "POST", "/people/tokens", ben.credentials, { name: "ci", scope: "read" });
    const token = { authorization: `Bearer ${String(made.body["token"])}` };
    // A program that only reads does not take its person out of an organization.
    const byProgram = await send(studio, "POST", `${at}/${acme}/leave`, token);
    assert.equal(code(byProgram), "auth.forbidden");
    assert.match(String(byProgram.body["detail"]), /scope "all"/);
    assert.equal((await list(studio, token)).length, 2);
    assert.equal((await send(studio, "POST", `${at}/${acme}/leave`, ben.credentials)).status, 204);
    assert.deepEqual(await list(studio, token), [{ ...first, role: "viewer" }]);
    assert.equal(
      code(await send(studio, "POST", `${at}/${acme}/leave`, ann.credentials)),
      "member.last_owner",
    );
  });

  await t.test("a name is changed by admins, and says what is deleted", async () => {
    assert.equal(
      code(await send(studio, "PATCH", `${at}/local`, ben.credentials, { name: "Bens" })),
      "auth.forbidden",
    );
    assert.equal(
      (await send(studio, "PATCH", `${at}/${acme}`, ann.credentials, { name: "Acme 2" })).status,
      204,
    );
    const { body } = await send(studio, "GET", `${at}/${acme}`, ann.credentials);
    assert.deepEqual(body, {
      ...{ id: acme, name: "Acme 2", role: "owner", tasks: 0, activeTasks: 0, repositories: 0 },
      ...{ schedules: 0, members: 1, isFirst: false },
    });
    const wrong = await send(studio, "DELETE", `${at}/${acme}`, ann.credentials, { name: "Acme" });
    assert.equal(code(wrong), "organization.name_differs");
    const home = await send(studio, "DELETE", `${at}/local`, ann.credentials, { name: "First organization" });
    assert.equal(code(home), "organization.first");
  });

  await t.test("a deleted one is gone with all that it had, and its id stays used", async () => {
    const connection = connectAs(t, studio.url, ann.credentials)
      .getOrCreate("organization", [acme])
      .connect();
    await connection.ready;
    const refused = refusalOf(t, connection);
    const path = `${at}/${acme}`;
    const gone = await send(studio, "DELETE", path, ann.credentials, { name: "Acme 2" });
    assert.equal(gone.status, 204, JSON.stringify(gone.body));
    assert.equal(await refused, "forbidden");
    assert.deepEqual(await list(studio, ann.credentials), [first]);
    assert.equal(code(await send(studio, "GET", path, ann.credentials)), "auth.forbidden");
    assert.equal(code(await send(studio, "GET", path, operator)), "organization.not_found");
    await assert.rejects(clientOf(operator, acme).organization.listTasks(), (error) =>
      isErrorCode(error, "organization", "not_found"),
    );
    for (const actor of ["organization", "attention", "usage", "schedules", "drafts", "inbox", "members"]) {
      const left = await fetch(`${studio.url}/actors?name=${actor}`, { headers: operator });
      assert.equal(left.status, 200);
      assert.doesNotMatch(await left.text(), new RegExp(acme), actor);
    }
    const folder = join(data, "environments");
    assert.ok(!existsSync(folder) || !readdirSync(folder).some((name) => name.startsWith(acme)));
  });
});
