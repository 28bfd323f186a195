import type { AccessInfo, ManageInfo } from "@holdfast/server";
import { type Identify, localOrganization, type Person, type RequestHeaders, requireRule } from "./person.ts";
import { managementRules, type RouteName, type Rule, routeRules, ruleOfActor } from "./rules.ts";

/**
 * The one check of every request over the network: actions and connections of actors, management, and the routes
 * beside them. It applies the tables in `rules.ts` to the person who sends the request.
 */
export class Guard {
  readonly #identify: Identify;

  constructor(identify: Identify) {
    this.#identify = identify;
  }

  /** The gateway's access hook. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly authorizeAction = (info: AccessInfo): Promise<void> | void =>
    this.#require(info, ruleOfActor(info), organizationOf(info));

  /** The gateway's hook for management. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly authorizeManagement = (info: ManageInfo): Promise<void> | void => {
    // Local programs, a scraper of metrics for example, need no login for what contains no data of actors.
    const isOpen = info.isLocal && (info.kind === "documents" || info.kind === "metrics");
    if (!isOpen) return this.#require(info, managementRules[info.kind], undefined);
  };

  /**
   * Checks a route beside the actors. `task` is the id of the task in its path, if there is one. Throws
   * `auth.unauthorized`, `auth.forbidden`.
   */
  readonly authorizeRoute = (
    route: RouteName,
    request: RequestHeaders,
    task: string | undefined,
  ): Promise<void> | void =>
    this.#require(request, routeRules[route], task === undefined ? undefined : organizationOfId(task));

  #require(
    request: RequestHeaders,
    rule: Rule | undefined,
    organization: string | undefined,
  ): Promise<void> | void {
    if (rule === "public" || rule === "machine") return;
    const check = (person: Person | undefined) => requireRule(person, rule, organization);
    const identified = this.#identify(request);
    // The gateway calls an action in the same tick if nothing has to be waited for.
    return identified instanceof Promise ? identified.then(check) : check(identified);
  }
}

/**
 * The organization of an actor. Undefined for an actor that is addressed by its id: only the key says whose it is, and
 * nothing is read for a request that is not allowed yet.
 */
function organizationOf({ actor, key }: AccessInfo): string | undefined {
  const [first] = key ?? [];
  if (first === undefined || key?.length !== 1) return undefined;
  switch (actor) {
    case "organization":
      return first;
    case "task":
    case "session":
    case "environment":
      return organizationOfId(first);
    // Groups are configured on the machine.
    case "group":
      return localOrganization;
    default:
      return undefined;
  }
}

/** The organization of a task or a session: its id starts with it. Ids without one belong to the local organization. */
export function organizationOfId(id: string): string {
  const end = id.indexOf("_");
  return end < 0 ? localOrganization : id.slice(0, end);
}
