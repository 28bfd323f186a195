/** The tables of rules against the real actors and routes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, isHoldfastError, silentLogger, systemPorts } from "@holdfast/core";
import type { AccessInfo } from "@holdfast/server";
import { type ActorRules, actorRules } from "../../src/access/actor-rules.ts";
import { Guard } from "../../src/access/guard.ts";
import type { Person } from "../../src/access/person.ts";
import { roles } from "../../src/access/roles.ts";
import { nodeRouteRules, routeRules } from "../../src/access/route-rules.ts";
import type { Rule } from "../../src/access/rule.ts";
import { ruleOfActor } from "../../src/access/rules.ts";
import { createActors } from "../../src/backend/actors.ts";
import type { BackendHost } from "../../src/backend/host.ts";
import type { TokenScope } from "../../src/contract/people.ts";
import { createGateActors } from "../../src/gate-state/actors.ts";
import { LocalGate } from "../../src/gate-state/local-gate.ts";
import { matchNodeRoute, matchRoute } from "../../src/http/router.ts";
import { createPeopleActors } from "../../src/people/actors/people-actors.ts";

const ports = systemPorts(silentLogger);
// Defining the actors calls nothing of the host.
const actors = {
  ...createActors({ ports } as unknown as BackendHost),
  ...createGateActors(ports, new LocalGate()),
  ...createPeopleActors({ ports, accessChanged: () => {} }),
};
const tables: Readonly<Record<string, ActorRules>> = actorRules;

describe("the table of actors", () => {
  test("has a row for each kind of actor, and none for others", () => {
    assert.deepEqual(Object.keys(tables).toSorted(), Object.keys(actors).toSorted());
  });

  for (const [name, definition] of Object.entries(actors)) {
    test(`has a row for each action of ${name}, and none for others`, () => {
      const actions = [...definition["~definition"].actions.keys()];
      const isInternal = (action: string) => action.startsWith("internal.");
      const rules = tables[name];
      if (rules === undefined || rules === "internal") {
        assert.deepEqual(
          actions.filter((action) => !isInternal(action)),
          [],
        );
        return;
      }
      const rows = Object.keys(rules.actions).filter((action) => action !== "internal");
      assert.deepEqual(actions.filter((action) => !isInternal(action)).toSorted(), rows.toSorted());
      for (const action of actions.filter(isInternal))
        assert.equal(ruleOfActor({ kind: "action", actor: name, action }), "internal", action);
    });
  }

  test("allows no actor and no action without a row", () => {
    const asked = (actor: string, action: string) => ruleOfActor({ kind: "action", actor, action });
    for (const [actor, action] of [
      ["unknown", "get"],
      ["task", "unknown"],
      ["task", "constructor"],
      ["constructor", "get"],
      ["__proto__", "get"],
      ["task", ""],
      ["task", "get.more"],
    ] as const)
      assert.equal(asked(actor, action), undefined, `${actor} ${action}`);
    assert.equal(asked("task", "internal"), "internal");
    assert.equal(asked("access", "anything"), "internal");
  });
});

describe("the table of routes", () => {
  const example = (path: string) => path.replaceAll(/:(\w+)/g, "some-$1").replace("*", "a/b.txt");

  for (const name of Object.keys(routeRules)) {
    test(`leads to ${name}`, () => {
      const [method = "", path = ""] = name.split(" ");
      assert.equal(matchRoute(method, example(path)).name, name);
    });
  }

  test("names the parts of a path", () => {
    const { params } = matchRoute("PUT", "/tasks/one/sandbox/v1/fs/file");
    assert.deepEqual(params, { task: "one", rest: "fs/file" });
  });

  test("refuses other methods and WebSockets", () => {
    for (const [method, path] of [
      ["GET", "/auth/exchange"],
      ["DELETE", "/auth/end"],
      ["POST", "/"],
      ["POST", "/tasks/1"],
      ["TRACE", "/tasks/1/sandbox/v1/fs/file"],
      ["GET", "/hooks/a/b"],
    ] as const)
      assert.throws(
        () => matchRoute(method, path),
        (e) => isErrorCode(e, "gateway", "method_not_allowed"),
        `${method} ${path}`,
      );
    for (const path of [
      "/",
      "/tasks/1/sandbox/v1/processes/1",
      "/tasks/1/sandbox/v1/processes/1/2/terminal/ws",
    ])
      assert.throws(
        () => matchRoute("UPGRADE", path),
        (e) => isErrorCode(e, "gateway", "not_found"),
        path,
      );
  });
});

describe("the table of routes between nodes", () => {
  const example = (path: string) => path.replaceAll(/:(\w+)/g, "some-$1").replace("*", "fs/file");

  for (const name of Object.keys(nodeRouteRules)) {
    test(`leads to ${name}, which the public table does not have`, () => {
      const [method = "", pattern = ""] = name.split(" ");
      const path = example(pattern);
      assert.equal(matchNodeRoute(method, path).name, name);
      const refused = (error: unknown) =>
        isErrorCode(error, "gateway", "method_not_allowed") || isErrorCode(error, "gateway", "not_found");
      if (method === "GET") assert.equal(matchRoute(method, path).name, "GET /*");
      else assert.throws(() => matchRoute(method, path), refused);
    });
  }

  test("has no other paths and methods", () => {
    for (const [method, path] of [
      ["GET", "/node/agents"],
      ["POST", "/node/agents/more"],
      ["POST", "/node/repository/check/more"],
      ["POST", "/node/sandbox/some-task/v2/fs/file"],
      ["TRACE", "/node/sandbox/some-task/v1/fs/file"],
      ["UPGRADE", "/node/sandbox/some-task/v1/fs/file"],
      ["POST", "/people/tokens"],
      ["POST", "/"],
    ] as const)
      assert.throws(
        () => matchNodeRoute(method, path),
        (e) => isHoldfastError(e) && e.group === "gateway",
        path,
      );
  });
});

test("changes of work need more than the role that only reads", () => {
  const weakest: readonly Rule[] = ["public", "machine", "person", roles[0]];
  for (const [actor, action] of [
    ["organization", "createTask"],
    ["organization", "checkRepository"],
    ["task", "prompt"],
    ["task", "stop"],
    ["task", "answer"],
    ["task", "answerMany"],
    ["task", "apply"],
    ["task", "markViewed"],
    ["task", "saveComment"],
    ["task", "deleteComment"],
    ["task", "sendReview"],
    ["group", "prompt"],
  ] as const) {
    const rule = ruleOfActor({ kind: "action", actor, action });
    assert.ok(rule !== undefined && !weakest.includes(rule), `${actor} ${action}: ${rule}`);
  }
});

test('an API token without the scope "all" answers nothing that people are asked', async () => {
  const calls = [
    ["task", "answer"],
    ["task", "answerMany"],
    // Whether code of a fork gets secrets.
    ["task", "decideSecrets"],
    // Notifications on a device can be answered.
    ["notifications", "addDevice"],
    ["task", "prompt"],
  ] as const;
  const refusedWith = async (tokenScope: TokenScope) => {
    const who = { id: "ada", isOperator: false, hasToken: true, tokenScope };
    const person: Person = { ...who, roleIn: () => "member" };
    const guard = new Guard(() => person);
    const refused: string[] = [];
    for (const [actor, action] of calls)
      try {
        const info = { kind: "action", actor, action, key: ["ada"], header: () => undefined };
        await guard.authorizeAction(info as unknown as AccessInfo);
      } catch (error) {
        assert.ok(isErrorCode(error, "auth", "forbidden"));
        refused.push(action);
      }
    return refused;
  };
  assert.deepEqual(await refusedWith("write"), ["answer", "answerMany", "decideSecrets", "addDevice"]);
  assert.deepEqual(await refusedWith("all"), []);
});
