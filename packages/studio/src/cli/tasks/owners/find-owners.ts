import { HoldfastError } from "@holdfast/core";
import type { StudioClient, TaskFilter } from "@holdfast/studio";

/**
 * The part of a filter that `--owner` selects: names or ids of owners of tasks, with commas between; "me" is whoever
 * calls. Throws `task.owner_not_found`.
 */
export async function findOwners(
  client: StudioClient,
  given: string | undefined,
  isArchived: boolean,
): Promise<Pick<TaskFilter, "owners">> {
  if (given === undefined) return {};
  const [{ owners: known }, me] = await Promise.all([
    client.organization.countTasks({ archived: isArchived }),
    client.organization.me(),
  ]);
  const words = given.split(",").map((word) => word.trim());
  const owners = words
    .filter((word) => word !== "")
    .flatMap((word) => {
      if (word === "me") return [me.id];
      const isMeant = ({ value, name }: { readonly value: string; readonly name: string }) =>
        value === word || name.toLowerCase() === word.toLowerCase();
      const found = known.filter(isMeant).map(({ value }) => value);
      if (found.length > 0) return found;
      const names = known.map(({ name }) => name).join(", ");
      const message = `Nobody with the name or id "${word}" owns a task. Owners: ${names === "" ? "none" : names}`;
      throw new HoldfastError("task", "owner_not_found", message, { statusCode: 404 });
    });
  return { owners };
}
