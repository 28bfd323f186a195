import { isHoldfastError } from "@holdfast/core";
import type { AccessInfo, ManageInfo } from "@holdfast/server";
import { managementRules } from "./actor-rules.ts";
import { localOrganization, organizationOfId, readPersonalKey } from "./organization-ids.ts";
import {
  type Identify,
  type Person,
  type RequestHeaders,
  requireAnswering,
  requireGivingUp,
  requireOwn,
  requireRule,
} from "./person.ts";
import { type RecordPerson, recordOfAction, recordOfRequest } from "./person-log.ts";
import type { Role } from "./roles.ts";
import { givesUp, type RouteName, routeRules } from "./route-rules.ts";
import type { Rule } from "./rule.ts";
import { answersApproval, isPersonal, ruleOfActor } from "./rules.ts";

/** Tells when rights of people may have changed, so that what is open is checked again. */
export interface AccessChanges {
  mark(): number;
  signalSince(personId: string, mark: number): AbortSignal;
}

/**
 * The one check of every request over the network: actions and connections of actors, management, and the routes
 * beside them. It applies the tables of this folder to the person who sends the request.
 */
export class Guard {
  readonly #identify: Identify;
  readonly #changes: AccessChanges | undefined;
  readonly #record: RecordPerson | undefined;

  /** With `record`, whatever changes something is recorded with the person before it is done. */
  constructor(identify: Identify, changes?: AccessChanges, record?: RecordPerson) {
    this.#identify = identify;
    this.#changes = changes;
    this.#record = record;
  }

  /** The present, for `signalSince`. */
  mark(): number {
    return this.#changes?.mark() ?? 0;
  }

  /** Aborted once rights of the person may have changed since the mark, which is from before the check. */
  signalSince(person: Person | undefined, mark: number): AbortSignal | undefined {
    return person === undefined ? undefined : this.#changes?.signalSince(person.id, mark);
  }

  /** The gateway's access hook. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly authorizeAction = (
    info: AccessInfo,
  ): Promise<AbortSignal | undefined> | AbortSignal | undefined => {
    const mark = this.mark();
    const organization = organizationOf(info);
    const rule = ruleOfActor(info, organization);
    const allowed = this.#require(info, rule, organization);
    const signal = (person: Person | undefined) => {
      if (isPersonal(info.actor)) requireOwn(person, info.key);
      if (answersApproval(info)) requireAnswering(person);
      const record = person && this.#record && recordOfAction(person, info, rule);
      if (record !== undefined) return this.#record?.(record).then(() => undefined);
      return info.kind === "connect" ? this.signalSince(person, mark) : undefined;
    };
    return allowed instanceof Promise ? allowed.then(signal) : signal(allowed);
  };

  /** The gateway's hook for management. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly authorizeManagement = (info: ManageInfo): Promise<void> | void => {
    // Local programs, a scraper of metrics for example, need no login for what contains no data of actors.
    const isOpen = info.isLocal && (info.kind === "documents" || info.kind === "metrics");
    if (isOpen) return;
    const allowed = this.#require(info, managementRules[info.kind], undefined);
    if (allowed instanceof Promise) return allowed.then(() => {});
  };

  /**
   * Checks a route beside the actors, whose path may name a task, an environment or an organization. Returns the person; undefined for a
   * route that needs nobody to sign in. Throws `auth.unauthorized`, `auth.forbidden`.
   */
  readonly authorizeRoute = async (
    route: RouteName,
    request: RequestHeaders,
    params: Readonly<Record<string, string>>,
  ): Promise<Person | undefined> => {
    const { task, environment, organization } = params;
    const id = task ?? environment;
    const about = id === undefined ? organization : organizationOfId(id);
    const person = await this.#require(request, routeRules[route], about);
    if (givesUp(route)) requireGivingUp(person);
    const record = person && this.#record && recordOfRequest(person, route, params);
    if (record !== undefined) await this.#record?.(record);
    return person;
  };

  /** Whether the person of a route has this role in the organization of the task. */
  readonly hasRole = async (person: Person | undefined, role: Role, taskId: string): Promise<boolean> => {
    try {
      await requireRule(person, role, organizationOfId(taskId));
      return true;
    } catch (error) {
      if (isHoldfastError(error) && error.group === "auth") return false;
      throw error;
    }
  };

  #require(
    request: RequestHeaders,
    rule: Rule | undefined,
    organization: string | undefined,
  ): Promise<Person | undefined> | Person | undefined {
    if (rule === "public" || rule === "machine") return undefined;
    const check = (person: Person | undefined) => {
      const checked = requireRule(person, rule, organization);
      return checked instanceof Promise ? checked.then(() => person) : person;
    };
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
  if (key === undefined || first === undefined || key.length > 2) return undefined;
  if (isPersonal(actor)) return readPersonalKey(key).organization;
  if (key.length !== 1) return undefined;
  switch (actor) {
    case "organization":
    case "attention":
    case "schedules":
    case "usage":
    case "billing":
    case "administration":
      return first;
    case "task":
    case "session":
    case "environment":
    case "repository":
      return organizationOfId(first);
    // Groups are configured on the machine.
    case "group":
      return localOrganization;
    default:
      return undefined;
  }
}
