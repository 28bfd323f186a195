import { HoldfastError } from "@holdfast/core";
import { operator } from "../../access/person.ts";
import type { TaskStarter } from "../../contract/task-list.ts";
import type { NotificationPort, Standing } from "../notifications/port.ts";
import { requireText } from "../validate.ts";

type People = Pick<NotificationPort, "standing" | "mentioned">;

const maxReceiverCharacters = 100;

/**
 * The member whom a text names: by the id, the name, the first name or the e-mail address. Throws
 * `task.receiver_not_found`, `task.receiver_cannot_own`.
 */
export async function findReceiver(
  people: People,
  given: string,
  organization: string,
): Promise<TaskStarter> {
  requireText(given, "to", maxReceiverCharacters);
  const id = (await isMember(people, given, organization))
    ? given
    : await namedBy(people, given, organization);
  const standing = await people.standing(id, organization);
  const name = standing.name ?? id;
  if (canOwn(id, standing)) return { id, name };
  const message = `${name} cannot own tasks here: that needs an account with the role member.`;
  throw new HoldfastError("task", "receiver_cannot_own", message, { statusCode: 409 });
}

/** False for somebody who is no member any more, or has become a viewer. */
export async function mayOwn(people: People, person: string, organization: string): Promise<boolean> {
  return canOwn(person, await people.standing(person, organization));
}

/** The operator is no member, and may do everything without owning anything. */
function canOwn(id: string, { mayRead, mayAnswer }: Standing): boolean {
  return id !== operator.id && mayRead && mayAnswer;
}

async function isMember(people: People, id: string, organization: string): Promise<boolean> {
  return id === operator.id || (await people.standing(id, organization)).mayRead;
}

async function namedBy(people: People, given: string, organization: string): Promise<string> {
  const [word = ""] = given.replace(/^@/, "").split("@", 1);
  const found = await people.mentioned(`@${word.replaceAll(/\s+/g, "")}`, organization);
  const [id] = found;
  if (id !== undefined && found.length === 1) return id;
  const message = `No member of the organization is "${given}", or several are. Use the e-mail address or the id.`;
  throw new HoldfastError("task", "receiver_not_found", message, { statusCode: 404 });
}
