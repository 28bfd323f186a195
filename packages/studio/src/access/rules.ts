/** Who may do what: the rules of actions, from the tables of actors and routes. */
import type { AccessInfo } from "@holdfast/server";
import { type ActorRules, actorKindRules, actorRules, machineActions } from "./actor-rules.ts";
import { localOrganization } from "./organization-ids.ts";
import type { Rule } from "./rule.ts";

/** Actions by which a program could answer the question that it waits for. */
const answering: Readonly<Record<string, readonly string[]>> = {
  task: ["answer", "answerMany", "decideSecrets"],
  // A notification on a device has a token that answers.
  notifications: ["addDevice"],
  // An agent that can write comments must not become its person's account.
  attention: ["beginAccountLink", "confirmAccountLink", "unlinkForgeAccount", "setForgeAccount"],
};

/** True for an action that answers questions of the gate or of an agent, which not every API token may. */
export function answersApproval({ actor, action = "" }: Pick<AccessInfo, "actor" | "action">): boolean {
  return Object.hasOwn(answering, actor) && answering[actor]?.includes(action) === true;
}

/** True if each actor of this kind is for one person, whose id is its key. */
export function isPersonal(actor: string): boolean {
  const rules: ActorRules | undefined = Object.hasOwn(actorRules, actor)
    ? actorRules[actor as keyof typeof actorRules]
    : undefined;
  return rules !== undefined && rules !== "internal" && rules.isPersonal === true;
}

/**
 * The rule of an action, or of another operation on an actor, in an organization; undefined if it has no row.
 */
export function ruleOfActor(
  { kind, actor, action }: Pick<AccessInfo, "kind" | "actor" | "action">,
  organization: string = localOrganization,
): Rule | undefined {
  const rules: ActorRules | undefined = Object.hasOwn(actorRules, actor)
    ? actorRules[actor as keyof typeof actorRules]
    : undefined;
  if (rules === undefined || rules === "internal") return rules;
  if (kind === "create") return rules.create;
  if (kind !== "action") return actorKindRules[kind];
  const [name = ""] = action?.split(".", 1) ?? [];
  if (name === "internal") return "internal";
  const isOfMachine = action !== undefined && machineActions[actor]?.includes(action) === true;
  if (isOfMachine && organization !== localOrganization) return "operator";
  return action !== undefined && Object.hasOwn(rules.actions, action) ? rules.actions[action] : undefined;
}
