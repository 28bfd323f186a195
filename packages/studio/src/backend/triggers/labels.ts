import type { ForgeEvent } from "../../forges/webhooks/event.ts";
import type { ForgeSource } from "../repositories/contract.ts";
import type { RowDatabase } from "../repositories/rows.ts";

/** The labels of an issue or a pull request as its newest event had them, where the forge tells no more than that. */
export const labelSchema = `
CREATE TABLE trigger_labels (number INTEGER PRIMARY KEY, labels TEXT NOT NULL, updated_at INTEGER NOT NULL);
`;

/**
 * Labels that an event has added. An event of Gitea has all labels and names none, so they are compared with those of the
 * event before: a label of somebody who may start nothing does not count as one of whoever makes the next change.
 */
export async function addedLabels(
  db: Pick<RowDatabase, "execute">,
  forge: ForgeSource["forge"],
  event: ForgeEvent,
): Promise<readonly string[]> {
  if (event.kind !== "pull_request" && event.kind !== "issue") return [];
  const { change } = event;
  if (forge !== "gitea") return change.type === "labelled" ? (change.added ?? []) : [];
  const { number, labels, updatedAt } = event.kind === "issue" ? event.issue : event.pullRequest;
  const read = "SELECT labels, updated_at FROM trigger_labels WHERE number = ?";
  const [row] = await db.execute(read, number);
  // It is late: nobody can tell what it has added to what was there then.
  if (row !== undefined && Number(row["updated_at"]) > updatedAt) return [];
  const known = row === undefined ? [] : (JSON.parse(String(row["labels"])) as readonly string[]);
  const keep = "INSERT OR REPLACE INTO trigger_labels (number, labels, updated_at) VALUES (?, ?, ?)";
  await db.execute(keep, number, JSON.stringify(labels), updatedAt);
  if (change.type !== "labelled" && change.type !== "opened") return [];
  return labels.filter((label) => !known.includes(label));
}
