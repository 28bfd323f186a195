import type {
  TaskCount,
  TaskCounts,
  TaskFilter,
  TaskGrouping,
  TaskOwnerCount,
  TaskPage,
  TaskQuery,
} from "../../contract.ts";
import { readFilter, readPaging, writeCursor } from "./input.ts";
import { toSummary } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";
import { matchOf, wordsOf } from "./text.ts";

type Value = string | number;

/** Conditions of a statement on `task t`, and their parameters. */
interface Where {
  readonly sql: string;
  readonly values: readonly Value[];
}

interface ListedTask {
  readonly id: string;
  readonly summary: string;
  readonly attention_at: number;
  readonly archived_at: number | null;
  readonly seen_at: number | null;
  readonly group_value: Value;
}

const groupColumns: Readonly<Record<TaskGrouping, string>> = {
  repository: "t.repository",
  agent: "t.agent",
  status: "t.status_order",
  owner: "t.owner",
  label: "t.label",
};

const seenJoin = "LEFT JOIN seen s ON s.task_id = t.id AND s.person = ?";
const isUnread = "t.attention_at > coalesce(s.at, 0)";
const maxCounts = 200;

/** A page of the list for a person. Throws `task.invalid_input`. */
export function listTasks(db: TaskDatabase, person: string, query?: TaskQuery): TaskPage {
  const filter = readFilter(query);
  const { limit, group, after } = readPaging(query);
  const where = whereOf(filter);
  const column = group === undefined ? "''" : groupColumns[group];
  const conditions = [where.sql];
  const values: Value[] = [person, ...where.values];
  if (after !== undefined) {
    conditions.push(group === undefined ? "t.id < ?" : `(${column} > ? OR (${column} = ? AND t.id < ?))`);
    values.push(...(group === undefined ? [after.id] : [after.value, after.value, after.id]));
  }
  const rows = db.query<ListedTask>(
    `SELECT t.id, t.summary, t.attention_at, t.archived_at, s.at AS seen_at, ${column} AS group_value
     FROM task t ${seenJoin} WHERE ${conditions.join(" AND ")}
     ORDER BY ${group === undefined ? "" : `${column}, `}t.id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const words = wordsOf(filter.search);
  const isComplete = rows.length <= limit || last === undefined;
  return {
    tasks: page.map(toSummary),
    ...(isComplete
      ? {}
      : { cursor: writeCursor(last.id, group === undefined ? undefined : last.group_value) }),
    seen: Object.fromEntries(page.flatMap(({ id, seen_at }) => (seen_at === null ? [] : [[id, seen_at]]))),
    ...(words.length === 0 ? {} : { matches: matchesOf(db, page, words) }),
  };
}

function matchesOf(db: TaskDatabase, page: readonly ListedTask[], words: readonly string[]) {
  return Object.fromEntries(
    page.flatMap(({ id }) => {
      const match = matchOf(db, id, words);
      return match === undefined ? [] : [[id, match]];
    }),
  );
}

/** Numbers of the tasks that a filter selects for a person. Throws `task.invalid_input`. */
export function countTasks(db: TaskDatabase, person: string, given?: TaskFilter): TaskCounts {
  const where = whereOf(readFilter(given));
  const from = `FROM task t ${seenJoin} WHERE ${where.sql}`;
  const values = [person, ...where.values];
  const totals = db.get<{ total: number; unread: number }>(
    `SELECT count(*) AS total, coalesce(sum(${isUnread}), 0) AS unread ${from}`,
    ...values,
  );
  const counts = (column: string) =>
    db.query<TaskCount>(
      `SELECT ${column} AS value, count(*) AS count ${from}
       GROUP BY ${column} ORDER BY count DESC, value LIMIT ${maxCounts}`,
      ...values,
    );
  return {
    total: totals?.total ?? 0,
    unread: totals?.unread ?? 0,
    repositories: counts("t.repository"),
    agents: counts("t.agent"),
    statuses: counts("t.status"),
    owners: db.query<TaskOwnerCount>(
      `SELECT t.owner AS value, count(*) AS count, coalesce(max(json_extract(t.summary, '$.owner.name')),
         max(json_extract(t.summary, '$.startedBy.name')), t.owner) AS name
       ${from} AND t.owner <> '' GROUP BY t.owner ORDER BY count DESC, value LIMIT ${maxCounts}`,
      ...values,
    ),
    labels: db.query<TaskCount>(
      `SELECT label.value AS value, count(*) AS count
       FROM task t ${seenJoin} JOIN json_each(t.summary, '$.labels') label WHERE ${where.sql} AND t.label <> ''
       GROUP BY label.value ORDER BY count DESC, value LIMIT ${maxCounts}`,
      ...values,
    ),
  };
}

function whereOf(filter: TaskFilter): Where {
  const conditions = [
    "t.deleted_at IS NULL",
    filter.archived === true ? "t.archived_at IS NOT NULL" : "t.archived_at IS NULL",
  ];
  const values: Value[] = [];
  const oneOf = (column: string, allowed: readonly string[] | undefined) => {
    if (allowed === undefined) return;
    conditions.push(`${column} IN (${allowed.map(() => "?").join(", ")})`);
    values.push(...allowed);
  };
  oneOf("t.repository", filter.repositories);
  oneOf("t.agent", filter.agents);
  oneOf("t.status", filter.statuses);
  oneOf("t.owner", filter.owners);
  if (filter.labels !== undefined) {
    const marks = filter.labels.map(() => "?").join(", ");
    conditions.push(
      `t.label <> '' AND EXISTS (SELECT 1 FROM json_each(t.summary, '$.labels') WHERE value IN (${marks}))`,
    );
    values.push(...filter.labels);
  }
  if (filter.unread === true) conditions.push(isUnread);
  // Each word may be in another piece of the task's text.
  for (const word of wordsOf(filter.search)) {
    conditions.push(
      "t.id IN (SELECT task_id FROM text WHERE id IN (SELECT rowid FROM text_index WHERE text_index MATCH ?))",
    );
    values.push(word);
  }
  return { sql: conditions.join(" AND "), values };
}
