import { join } from "node:path";
import type { TestContext } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import type { PeopleHost } from "../../src/people/actors/host.ts";
import { createPeopleActors, PeopleActors } from "../../src/people/actors/people-actors.ts";
import { Attempts } from "../../src/people/auth/attempts.ts";
import { createAuth } from "../../src/people/auth/auth.ts";
import { temporaryFolder } from "../support.ts";

/** The actors of people on a real store, with a clock that a test can move on, and better-auth over them. */
export function openPeople(t: TestContext, host: Partial<PeopleHost> = {}) {
  const ports = systemPorts(silentLogger);
  let movedMs = 0;
  const changed: string[] = [];
  const registry = createRegistry({
    use: createPeopleActors({
      ports: { ...ports, clock: { ...ports.clock, now: () => Date.now() + movedMs } },
      accessChanged: (person) => changed.push(person),
      ...host,
    }),
    store: () => openSqliteStore({ path: join(temporaryFolder(t), "actors"), ports }),
    ports,
  });
  t.after(() => registry.shutdown());
  const actors = new PeopleActors(() => registry.client);
  const auth = createAuth({
    actors,
    secret: "s".repeat(43),
    attempts: new Attempts(() => Date.now() + movedMs),
    log: silentLogger,
    sendSignInToken: async () => {},
  });
  const signUp = (email: string, name = "Ada") =>
    auth.api.signUpEmail({ body: { email, name, password: "correct horse battery" } });
  return {
    actors,
    auth,
    signUp,
    /** People whose rights were reported as changed. */
    changed,
    moveClock: (ms: number) => {
      movedMs += ms;
    },
  };
}
