/**
 * Every action and route of the tables in two organizations: whoever is the owner of one is a stranger in the other,
 * wherever its id is put. A row that is added to the tables is tried here without another line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { type ActorRules, actorRules } from "../../src/access/actor-rules.ts";
import { inOrganization, personalKey } from "../../src/access/organization-ids.ts";
import { routeRules } from "../../src/access/route-rules.ts";
import { isPersonal, ruleOfActor } from "../../src/access/rules.ts";
import type { Studio } from "../../src/index.ts";
import { type Credentials, type PersonName, people, personId, startWithPeople } from "./people-support.ts";

const tables: Readonly<Record<string, ActorRules>> = actorRules;
const some = "00000000-0000-7000-8000-000000000000";
/** Actors whose id begins with their organization. The key of the others is the organization, or a person there. */
const named: readonly string[] = ["task", "session", "environment", "repository"];
const owners = { local: "owner", other: "stranger" } as const satisfies Record<string, PersonName>;

/** The key of an actor of an organization. Groups are all of the first one. */
function keyIn(organization: string, actor: string, person: PersonName): string[] {
  if (isPersonal(actor)) return personalKey(organization, personId(person));
  return [named.includes(actor) ? inOrganization(organization, some) : organization];
}

async function codeOf(studio: Studio, method: string, path: string, headers: Credentials): Promise<string> {
  const response = await fetch(`${studio.url}${path}`, {
    method,
    headers: { ...headers, "content-type": "application/json" },
    ...(method === "GET" || method === "DELETE" ? {} : { body: "{}" }),
  });
  const text = await response.text();
  assert.doesNotMatch(text, /"(invalid_key|malformed_path)"/, path);
  if (!text.startsWith("{")) return "";
  const { group, code } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return `${String(group)}.${String(code)}`;
}

test("the owner of one organization reaches no action of another one, and all of their own", async (t) => {
  const studio = await startWithPeople(t);
  const wrong: string[] = [];
  for (const [actor, rules] of Object.entries(tables)) {
    if (rules === "internal" || actor === "group") continue;
    for (const action of Object.keys(rules.actions))
      for (const place of ["local", "other"] as const)
        for (const home of ["local", "other"] as const) {
          const person = owners[home];
          const key = keyIn(place, actor, person);
          const path = `/actors/${actor}/@${encodeKey(key)}/actions/${action}`;
          const found = await codeOf(studio, "POST", path, people[person]);
          const rule = ruleOfActor({ kind: "action", actor, action }, place);
          const isAllowed = home === place && rule !== "internal" && rule !== "operator";
          if ((found === "auth.forbidden") === isAllowed)
            wrong.push(`owner of ${home}: ${actor}.${action} in ${place}: ${found}`);
        }
  }
  assert.deepEqual(wrong, []);
});

test("the owner of one organization reaches no route of another one", async (t) => {
  const studio = await startWithPeople(t);
  const wrong: string[] = [];
  let tried = 0;
  for (const [name, rule] of Object.entries(routeRules)) {
    const [method = "", pattern = ""] = name.split(" ");
    if (!/:(organization|task|environment)\b/.test(pattern) || rule === "public" || method === "UPGRADE")
      continue;
    for (const place of ["local", "other"] as const) {
      const path = pattern
        .replace(":organization", place)
        .replace(/:(task|environment)\b/, inOrganization(place, some))
        .replaceAll(/:(\w+)/g, "none")
        .replace("*", "fs/file");
      const stranger = owners[place === "local" ? "other" : "local"];
      tried += 1;
      const [own, other] = [
        await codeOf(studio, method, path, people[owners[place]]),
        await codeOf(studio, method, path, people[stranger]),
      ];
      if (own === "auth.forbidden" || other !== "auth.forbidden") wrong.push(`${name}: ${own}, ${other}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(tried > 20, `${tried} attempts`);
});
