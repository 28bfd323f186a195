/**
 * Every action, operation and route of the tables as each person: signed out, in another organization, in none, and
 * with each role. A row that is added to the tables is tried here without another line.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, test } from "node:test";
import { encodeKey, HoldfastError, isHoldfastError, silentLogger, systemPorts } from "@holdfast/core";
import {
  type ActorRules,
  actorKindRules,
  actorRules,
  type managementRules,
} from "../../src/access/actor-rules.ts";
import { roles } from "../../src/access/roles.ts";
import { nodeRouteRules, routeRules } from "../../src/access/route-rules.ts";
import type { Rule } from "../../src/access/rule.ts";
import { isPersonal, ruleOfActor } from "../../src/access/rules.ts";
import { createActors } from "../../src/backend/actors.ts";
import type { BackendHost } from "../../src/backend/host.ts";
import { createGateActors } from "../../src/gate-state/actors.ts";
import { LocalGate } from "../../src/gate-state/local-gate.ts";
import { createPeopleActors } from "../../src/people/actors/people-actors.ts";
import { logIn } from "../support.ts";
import {
  type Credentials,
  connectAs,
  type PersonName,
  people,
  personId,
  startWithPeople,
} from "./people-support.ts";

/** What the check says: `passed` stands for every answer that is not about access. */
type Outcome = "passed" | "auth.unauthorized" | "auth.forbidden" | "inspector.unauthorized";

/** What the rule of a row means for a person. */
function expected(rule: Rule | undefined, person: PersonName): Exclude<Outcome, "inspector.unauthorized"> {
  if (rule === "public" || rule === "machine") return "passed";
  if (person === "nobody") return "auth.unauthorized";
  if (rule === "person" || rule === "account") return "passed";
  const role = (roles as readonly string[]).indexOf(person);
  const least = (roles as readonly (string | undefined)[]).indexOf(rule);
  return least >= 0 && role >= least ? "passed" : "auth.forbidden";
}

function outcomeOf(error: unknown): Outcome {
  const { group, code } = (error ?? {}) as { readonly group?: unknown; readonly code?: unknown };
  const name = `${String(group)}.${String(code)}`;
  const isAboutAccess = name === "auth.unauthorized" || name === "auth.forbidden";
  return isAboutAccess || name === "inspector.unauthorized" ? name : "passed";
}

async function outcome(work: Promise<unknown>): Promise<Outcome> {
  try {
    await work;
    return "passed";
  } catch (error) {
    assert.ok(error instanceof HoldfastError || isHoldfastError(error), String(error));
    return outcomeOf(error);
  }
}

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly headers: Credentials;
}

/** The outcome of one HTTP request, or of the handshake of a WebSocket. */
function ask({ method, path, headers }: Attempt): Promise<Outcome> {
  const isUpgrade = method === "UPGRADE";
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": Buffer.alloc(16).toString("base64"),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...{ host: "127.0.0.1", port: studio.port, path, method: isUpgrade ? "GET" : method },
      headers: { ...headers, ...(isUpgrade ? upgrade : { "content-type": "application/json" }) },
    });
    outgoing.once("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        // An attempt at an address that does not exist would prove nothing.
        assert.doesNotMatch(text, /"(invalid_key|malformed_path)"/, path);
        const found = text.startsWith("{") ? outcomeOf(JSON.parse(text)) : "passed";
        const status = { "auth.forbidden": 403, "auth.unauthorized": 401, "inspector.unauthorized": 401 };
        if (found !== "passed") assert.equal(incoming.statusCode, status[found], text);
        resolve(found);
      });
    });
    outgoing.once("error", reject);
    outgoing.end(isUpgrade || method === "GET" || method === "DELETE" ? undefined : "{}");
  });
}

const names = Object.keys(people) as PersonName[];
const tables: Readonly<Record<string, ActorRules>> = actorRules;
/** Keys in the local organization. None of the tasks exists. */
const keys: Readonly<Record<string, string>> = {
  organization: "local",
  attention: "local",
  schedules: "local",
  usage: "local",
  billing: "local",
  administration: "local",
};
const keyOf = (actor: string, person: PersonName) =>
  isPersonal(actor) ? personId(person) : (keys[actor] ?? "none");
const pathOf = (actor: string, key: string, form: "@" | "~" = "@") =>
  `/actors/${actor}/${form}${encodeKey([key])}`;

/** All actions, with those that only the Studio itself may call. */
function actionsOf(actor: string): readonly string[] {
  const ports = systemPorts(silentLogger);
  const actors = {
    ...createActors({ ports } as unknown as BackendHost),
    ...createGateActors(ports, new LocalGate()),
    ...createPeopleActors({ ports, accessChanged: () => {} }),
  };
  const definition = actors[actor as keyof typeof actors];
  return [...definition["~definition"].actions.keys(), "noSuchAction"];
}

/** One for all attempts: what is allowed reaches nothing that another one needs. */
const studio = await startWithPeople({ after });

async function tryEach(
  attempts: (person: PersonName) => Promise<readonly (readonly [string, Outcome, Outcome])[]>,
): Promise<void> {
  const wrong: string[] = [];
  let tried = 0;
  for (const person of names)
    for (const [what, found, right] of await attempts(person)) {
      tried += 1;
      if (found !== right) wrong.push(`${person}: ${what}: ${found} instead of ${right}`);
    }
  assert.deepEqual(wrong, []);
  assert.ok(tried >= names.length, "nothing was tried");
}

for (const actor of Object.keys(tables)) {
  test(`each action of ${actor} is refused below its role, and to strangers`, () =>
    tryEach(async (person) => {
      const results: (readonly [string, Outcome, Outcome])[] = [];
      for (const action of actionsOf(actor)) {
        const path = `${pathOf(actor, keyOf(actor, person))}/actions/${action}`;
        const found = await ask({ method: "POST", path, headers: people[person] });
        results.push([action, found, expected(ruleOfActor({ kind: "action", actor, action }), person)]);
      }
      return results;
    }));

  test(`each operation on ${actor} is refused below its role, and to strangers`, () =>
    tryEach(async (person) => {
      const at = pathOf(actor, keyOf(actor, person));
      const requests: Readonly<Record<keyof typeof actorKindRules | "create", readonly [string, string]>> = {
        create: ["PUT", at],
        connect: ["GET", `${at}/events?event=x`],
        resolve: ["GET", at],
        cancel: ["DELETE", `${at}/calls/x`],
        reload: ["PUT", `${at}/reload`],
        send: ["POST", `${at}/queues/x`],
        request: ["GET", `${at}/request/x`],
        websocket: ["UPGRADE", `${at}/websocket/x`],
      };
      const results: (readonly [string, Outcome, Outcome])[] = [];
      for (const kind of Object.keys(requests) as (keyof typeof requests)[]) {
        // Streams of events and raw WebSockets that are allowed do not end: connections are tried below.
        const right = expected(ruleOfActor({ kind, actor, action: undefined }), person);
        if (kind === "websocket" || (kind === "connect" && right === "passed")) continue;
        const [method, path] = requests[kind];
        results.push([kind, await ask({ method, path, headers: people[person] }), right]);
      }
      return results;
    }));
}

test("each action over a connection to the organization is refused below its role, and to strangers", (t) =>
  tryEach(async (person) => {
    const connection = connectAs(t, studio.url, people[person])
      .getOrCreate("organization", ["local"])
      .connect();
    const right = expected(actorKindRules.connect, person);
    const results: (readonly [string, Outcome, Outcome])[] = [
      ["connect", await outcome(connection.ready), right],
    ];
    if (right !== "passed") return results;
    for (const action of actionsOf("organization")) {
      const found = await outcome(connection.action({ name: action, args: [] }));
      results.push([
        action,
        found,
        expected(ruleOfActor({ kind: "action", actor: "organization", action }), person),
      ]);
    }
    await connection.dispose();
    return results;
  }));

test("connections to actors of other kinds are refused to strangers, and to everyone if they are internal", (t) =>
  tryEach(async (person) => {
    const client = connectAs(t, studio.url, people[person]);
    const results: (readonly [string, Outcome, Outcome])[] = [];
    for (const actor of Object.keys(tables)) {
      const connection = client.get(actor, [keyOf(actor, person)]).connect();
      const rule = ruleOfActor({ kind: "connect", actor, action: undefined });
      results.push([actor, await outcome(connection.ready), expected(rule, person)]);
      await connection.dispose();
    }
    return results;
  }));

test("what belongs to one person is out of reach for everybody else, whatever their role", async () => {
  const personal = Object.keys(tables).filter(isPersonal);
  assert.ok(personal.length > 0);
  for (const actor of personal)
    for (const person of ["viewer", "owner", "stranger"] as const) {
      const at = pathOf(actor, personId("member"));
      const headers = people[person];
      for (const action of actionsOf(actor)) {
        const attempt = { method: "POST", path: `${at}/actions/${action}`, headers };
        assert.equal(await ask(attempt), "auth.forbidden", `${person} ${action}`);
      }
      for (const [method, path] of [
        ["PUT", at],
        ["GET", at],
        ["GET", `${at}/events?event=changed`],
        ["POST", `/actors/${actor}/${personId("member")}/actions/list`],
      ] as const)
        assert.equal(await ask({ method, path, headers }), "auth.forbidden", `${person} ${path}`);
    }
});

test("actors of another organization, and actors addressed by their ids, are out of reach", async () => {
  const local = "00000000-0000-7000-8000-000000000000";
  const two = `/actors/organization/@${encodeKey(["local", "more"])}`;
  for (const [person, path, right] of [
    ["owner", `${pathOf("organization", "other")}/actions/listTasks`, "auth.forbidden"],
    ["owner", `${pathOf("organization", "other", "~")}/actions/listTasks?create=true`, "auth.forbidden"],
    ["owner", `${pathOf("task", `other_${local}`)}/actions/get`, "auth.forbidden"],
    ["owner", `${pathOf("session", `other_${local}`)}/actions/events`, "auth.forbidden"],
    ["owner", `/actors/task/${local}/actions/get`, "auth.forbidden"],
    ["owner", `${two}/actions/listTasks`, "auth.forbidden"],
    ["stranger", `${pathOf("task", `other_${local}`)}/actions/get`, "passed"],
    ["stranger", `${pathOf("task", `local_${local}`)}/actions/get`, "auth.forbidden"],
    ["stranger", `${pathOf("group", "other_group")}/actions/get`, "auth.forbidden"],
  ] as const) {
    const found = await ask({ method: "POST", path, headers: people[person] });
    assert.equal(found, right, `${person} ${path}`);
  }
  const sandbox = `/tasks/other_${local}/sandbox/v1/health`;
  assert.equal(await ask({ method: "GET", path: sandbox, headers: people.owner }), "auth.forbidden");
  assert.equal(await ask({ method: "GET", path: sandbox, headers: people.stranger }), "passed");
});

test("each route is refused below its role, and to strangers", () =>
  tryEach(async (person) => {
    const results: (readonly [string, Outcome, Outcome])[] = [];
    for (const [name, rule] of Object.entries(routeRules)) {
      const [method = "", pattern = ""] = name.split(" ");
      const path = pattern
        .replace(":organization", "local")
        .replaceAll(/:(\w+)/g, "none")
        .replace("*", "fs/file");
      const found = await ask({ method, path, headers: people[person] });
      // Without the cookie of a login, there is none that could be ended.
      const right = name === "POST /auth/end" ? "auth.unauthorized" : expected(rule, person);
      results.push([name, found, right]);
    }
    return results;
  }));

test("routes between nodes are served to nobody over the network, the operator included", async () => {
  const operator = { cookie: await logIn(studio.url, await studio.issueTicket()) };
  for (const name of Object.keys(nodeRouteRules)) {
    const [method = "", pattern = ""] = name.split(" ");
    if (method === "UPGRADE") continue;
    const path = pattern.replaceAll(/:(\w+)/g, "check").replace("*", "fs/file");
    for (const headers of [operator, ...Object.values<Credentials>(people)]) {
      const type = { "content-type": "application/json" };
      const body = method === "GET" ? {} : { body: JSON.stringify({ path: "/" }) };
      const response = await fetch(`${studio.url}${path}`, {
        method,
        headers: { ...headers, ...type },
        ...body,
      });
      const { group, code } = (await response.json()) as Readonly<Record<string, unknown>>;
      // Pages of the web app have any path, and it is not built here.
      const right = method === "GET" ? "web.not_built" : "gateway.method_not_allowed";
      assert.equal(`${String(group)}.${String(code)}`, right, name);
    }
  }
});

test("management and inspection are the operator's alone", () =>
  tryEach(async (person) => {
    const at = pathOf("organization", "local");
    const requests: Readonly<Record<keyof typeof managementRules, readonly [string, string]>> = {
      list: ["GET", "/actors"],
      count: ["GET", "/actors/count"],
      info: ["GET", `${at}/status`],
      destroy: ["DELETE", at],
      sleep: ["POST", `${at}/sleep`],
      inspect: ["GET", `${at}/export`],
      cluster: ["GET", "/cluster"],
      profile: ["GET", "/profile/heap"],
      metrics: ["GET", "/metrics"],
      documents: ["GET", "/openapi.json"],
    };
    const results: (readonly [string, Outcome, Outcome])[] = [];
    for (const [kind, [method, path]] of Object.entries(requests)) {
      // As a page or a proxy: a program of this machine may read metrics and documents.
      const headers = { ...people[person], "x-forwarded-for": "192.0.2.1" };
      const right = person === "nobody" ? "inspector.unauthorized" : "auth.forbidden";
      results.push([kind, await ask({ method, path, headers }), right]);
    }
    return results;
  }));
