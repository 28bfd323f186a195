/** People on this server: accounts, sessions, API tokens, and the members of an organization. */
import type { ClientBase } from "@holdfast/client";
import { HoldfastError, type Ports } from "@holdfast/core";
import { PersonSignals } from "./access-changes.ts";
import { createPeopleActors, PeopleActors } from "./actors/people-actors.ts";
import { type Auth, createAuth } from "./auth/auth.ts";
import { People } from "./people.ts";
import { createPeopleRoutes } from "./routes.ts";

export interface PeopleSetupOptions {
  readonly ports: Ports;
  readonly client: () => ClientBase;
}

/** Creates the parts of a Studio with people. Requests are served after `start`. */
export function setUpPeople({ ports, client }: PeopleSetupOptions) {
  const changes = new PersonSignals();
  const actors = new PeopleActors(client);
  let started: Auth | undefined;
  const auth = (): Auth => {
    if (started !== undefined) return started;
    throw new HoldfastError("studio", "not_started", "The Studio has not started yet");
  };
  const people = new People({ actors, auth, now: () => ports.clock.now() });
  return {
    changes,
    actors: createPeopleActors({ ports, accessChanged: (person) => changes.changed(person) }),
    identify: people.identify,
    routes: createPeopleRoutes(people, auth),
    /** `secret` signs the cookies of sessions. */
    start(secret: string): void {
      started = createAuth({ actors, secret, now: () => ports.clock.now(), log: ports.log });
    },
  };
}

export type PeopleSetup = ReturnType<typeof setUpPeople>;
