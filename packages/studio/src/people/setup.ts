/** People on this server: accounts, sessions, API tokens, and the members of an organization. */
import type { ClientBase } from "@holdfast/client";
import { HoldfastError, type Ports } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import { PersonSignals } from "./access-changes.ts";
import { createPeopleActors, PeopleActors } from "./actors/people-actors.ts";
import { type Auth, createAuth } from "./auth/auth.ts";
import { Links } from "./links.ts";
import type { Mailer } from "./mail/mailer.ts";
import { People } from "./people.ts";
import { createPeopleRoutes } from "./routes.ts";

export interface PeopleSetupOptions {
  readonly ports: Ports;
  readonly client: () => ClientBase;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  /** True if a proxy in front says whose request it is. */
  readonly trustsProxy: boolean;
  /** Undefined where no mail server is set up. */
  readonly mailer: Mailer | undefined;
  /** Appends an entry to the audit log. */
  readonly audit: (entry: AuditEntry) => Promise<void>;
}

/** Creates the parts of a Studio with people. Requests are served after `start`. */
export function setUpPeople({ ports, client, origin, trustsProxy, mailer, audit }: PeopleSetupOptions) {
  const changes = new PersonSignals();
  const actors = new PeopleActors(client);
  let started: Auth | undefined;
  const auth = (): Auth => {
    if (started !== undefined) return started;
    throw new HoldfastError("studio", "not_started", "The Studio has not started yet");
  };
  const people = new People({ actors, auth, now: () => ports.clock.now() });
  const { clock, log } = ports;
  const links = new Links({ people, mailer, origin, now: () => clock.now(), log });
  return {
    changes,
    actors: createPeopleActors({ ports, accessChanged: (person) => changes.changed(person) }),
    identify: people.identify,
    standing: people.standing,
    mentioned: people.mentioned,
    routes: createPeopleRoutes({ people, auth, links, trustsProxy, audit }),
    /** `secret` signs the cookies of sessions. */
    start(secret: string): void {
      const isSecure = origin().startsWith("https:");
      started = createAuth({
        ...{ actors, secret, isSecure, log, now: () => clock.now() },
        sendSignInToken: links.sendSignInToken,
      });
    },
    sendsMail: links.sendsMail,
    close: () => links.close(),
  };
}

export type PeopleSetup = ReturnType<typeof setUpPeople>;
