import { HoldfastError } from "@holdfast/core";
import type { TaskFilter, TaskGrouping, TaskQuery, TaskStatus } from "../../contract.ts";
import { taskStatuses } from "../../task-status.ts";
import { requireText } from "../validate.ts";

const maxSearchCharacters = 200;
const maxFilterValues = 50;
const maxTasksPerCall = 100;
const maxPage = 200;

/** Reads the filter of a client. Throws `task.invalid_input`. */
export function readFilter(given: unknown): TaskFilter {
  if (given === undefined || given === null) return {};
  if (typeof given !== "object") throw invalid("The filter must be an object");
  const { search, repositories, agents, statuses, owners, labels, archived, unread } = given as Record<
    string,
    unknown
  >;
  if (search !== undefined && (typeof search !== "string" || search.length > maxSearchCharacters))
    throw invalid(`\`search\` must be text of at most ${maxSearchCharacters} characters`);
  for (const [name, flag] of Object.entries({ archived, unread })) {
    if (flag !== undefined && typeof flag !== "boolean") throw invalid(`\`${name}\` must be true or false`);
  }
  return {
    ...(search === undefined ? {} : { search }),
    ...readValues("repositories", repositories),
    ...readValues("agents", agents),
    ...readStatuses(statuses),
    ...readValues("owners", owners),
    ...readValues("labels", labels),
    archived: archived === true,
    unread: unread === true,
  };
}

function readValues<Name extends string>(name: Name, values: unknown): { readonly [Key in Name]?: string[] } {
  if (values === undefined) return {};
  const isText = (value: unknown) => typeof value === "string" && value.length <= 4_096;
  if (!Array.isArray(values) || values.length > maxFilterValues || !values.every(isText))
    throw invalid(`\`${name}\` must be a list of at most ${maxFilterValues} texts`);
  // An empty list selects the same as none.
  return values.length === 0 ? {} : ({ [name]: values as string[] } as { [Key in Name]?: string[] });
}

function readStatuses(given: unknown): Pick<TaskFilter, "statuses"> {
  const { statuses } = readValues("statuses", given);
  if (statuses === undefined) return {};
  const known: readonly string[] = taskStatuses;
  if (!statuses.every((status) => known.includes(status)))
    throw invalid(`\`statuses\` must be of ${known.join(", ")}`);
  return { statuses: statuses as TaskStatus[] };
}

const groupings: readonly TaskGrouping[] = ["repository", "agent", "status", "owner", "label"];

/** The part of a query that is not its filter. Throws `task.invalid_input`. */
export function readPaging(query: TaskQuery | undefined): {
  readonly limit: number;
  readonly group: TaskGrouping | undefined;
  readonly after: { readonly value: string | number; readonly id: string } | undefined;
} {
  const limit = Math.max(1, Math.min(maxPage, Math.floor(Number(query?.limit ?? 50)) || 50));
  const { group, cursor } = query ?? {};
  if (group !== undefined && !groupings.includes(group))
    throw invalid(`\`group\` must be one of ${groupings.join(", ")}`);
  return { limit, group, after: cursor === undefined ? undefined : readCursor(cursor, group !== undefined) };
}

/** A cursor is the id of the last task; in groups, the value of its group as well. */
export function writeCursor(id: string, value: string | number | undefined): string {
  return value === undefined ? id : JSON.stringify([value, id]);
}

function readCursor(cursor: unknown, isGrouped: boolean) {
  if (typeof cursor !== "string") throw invalid("`cursor` must be that of the page before");
  if (!isGrouped) return { value: "", id: cursor };
  try {
    const [value, id] = JSON.parse(cursor) as unknown[];
    if ((typeof value === "string" || typeof value === "number") && typeof id === "string")
      return { value, id };
  } catch {
    // The error below says what is wrong.
  }
  throw invalid("`cursor` must be that of the page before, with the same `group`");
}

/** Throws `task.invalid_input`. */
export function readTaskIds(given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > maxTasksPerCall)
    throw invalid(`\`taskIds\` must be a list of 1 to ${maxTasksPerCall} ids`);
  for (const id of given as unknown[]) requireText(id, "taskId", 200);
  return [...new Set(given as string[])];
}

export function invalid(message: string): HoldfastError {
  return new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}
