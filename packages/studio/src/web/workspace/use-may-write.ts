import { isAtLeast } from "../../access/roles.ts";
import { useProfile } from "../shared/people.ts";

/**
 * False for a person who may only look at the task. The server decides; this leaves out what it would refuse.
 */
export function useMayWrite(taskId: string): boolean {
  const profile = useProfile();
  if (profile === undefined || profile.isOperator) return true;
  // The id of a task begins with its organization, except in the first one.
  const end = taskId.indexOf("_");
  const organization = end < 0 ? "local" : taskId.slice(0, end);
  const role = profile.organizations.find(({ id }) => id === organization)?.role;
  return role !== undefined && isAtLeast(role, "member");
}
