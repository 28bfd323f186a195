/** Pull requests and issues that tasks were started on: lists of work that waits leave them out. */
import { HoldfastError, type Logger } from "@holdfast/core";
import type { CreateTaskInput } from "../../contract.ts";
import type { ActorCreator } from "../new-task.ts";
import type { RepositorySummary } from "../repositories/contract.ts";
import type { RowDatabase } from "../repositories/rows.ts";

export const openedSchema = `
CREATE TABLE opened (kind TEXT NOT NULL, number INTEGER NOT NULL, task TEXT NOT NULL, PRIMARY KEY (kind, number)) WITHOUT ROWID;
`;

type Item = NonNullable<CreateTaskInput["item"]>;

/** The item that a new task is about. Throws `task.invalid_input`. */
export function itemOf({ item, pullRequest }: CreateTaskInput): Item | undefined {
  if (item === undefined)
    return pullRequest === undefined ? undefined : { kind: "pull-request", number: pullRequest };
  const { kind, number } = Object(item) as { readonly kind?: unknown; readonly number?: unknown };
  const isKind = kind === "pull-request" || kind === "issue";
  if (isKind && typeof number === "number" && Number.isSafeInteger(number) && number > 0)
    return { kind, number };
  const message = "`item` must have the kind and the number of a pull request or an issue";
  throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}

/** Notes the task at its repository. Without it the item only stays in the lists: the task runs already. */
export async function noteOpened(
  c: ActorCreator,
  log: Logger,
  connectedTo: RepositorySummary | undefined,
  item: Item | undefined,
  taskId: string,
): Promise<void> {
  if (connectedTo === undefined || item === undefined) return;
  const call = { name: "internal.opened", args: [item.kind, item.number, taskId] };
  try {
    await c.client().get("repository", [connectedTo.id]).action<void>(call);
  } catch (error) {
    log.warn("could not note the task at its repository", { taskId, repository: connectedTo.id, error });
  }
}

export async function keepOpened(
  db: Pick<RowDatabase, "execute">,
  kind: Item["kind"],
  number: number,
  task: string,
): Promise<void> {
  await db.execute("INSERT OR REPLACE INTO opened (kind, number, task) VALUES (?, ?, ?)", kind, number, task);
}

/** A task was deleted: what it was about waits again. */
export async function forgetTask(db: Pick<RowDatabase, "execute">, task: string): Promise<void> {
  await db.execute("DELETE FROM opened WHERE task = ?", task);
  await db.execute("DELETE FROM followed WHERE task = ?", task);
}

export async function openedIssues(db: Pick<RowDatabase, "execute">): Promise<ReadonlySet<number>> {
  const rows = await db.execute("SELECT number FROM opened WHERE kind = 'issue'");
  return new Set(rows.map(({ number }) => Number(number)));
}
