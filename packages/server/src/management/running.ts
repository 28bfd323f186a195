import type { ActorInstance, ActorRecord } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";

/** Selects actors in memory. */
export interface RunningFilter {
  /** Stored name; without one, all names of the namespace. */
  readonly name?: string;
  readonly namespace: string;
  /** How the text of the key begins. */
  readonly keyPrefix: string;
  /** Milliseconds since the epoch. */
  readonly createdAfter: number;
}

/** What a node asks itself and the others about actors in memory. Sent as JSON. */
export type RunningQuestion =
  /** The next ids after one, at most `limit`. The time of creation does not count: the records have it. */
  | {
      readonly type: "page";
      readonly filter: RunningFilter;
      readonly after: string;
      readonly limit: number;
    }
  | { readonly type: "count"; readonly filter: RunningFilter }
  /** Those of these ids that are in memory. */
  | { readonly type: "among"; readonly ids: readonly string[] };

/** What one node answers; `count` is that of `ids`, except to a question for a count. */
export interface RunningAnswer {
  readonly ids: readonly string[];
  readonly count: number;
}

/** The answers of all nodes. */
export interface Running {
  /** In order, each once. */
  readonly ids: readonly string[];
  readonly count: number;
  /** Ids of the nodes that did not answer in time: their actors are missing. */
  readonly unanswered: readonly string[];
}

/** Asks all nodes. */
export async function findRunning(directory: Directory, question: RunningQuestion): Promise<Running> {
  const { cluster } = directory;
  const [own, others] = await Promise.all([answerRunning(directory, question), cluster?.askOthers(question)]);
  const answers = [own, ...(others?.answers ?? []).map(readAnswer)];
  return {
    ids: [...new Set(answers.flatMap(({ ids }) => ids))].sort(),
    count: answers.reduce((sum, { count }) => sum + count, 0),
    unanswered: others?.unanswered ?? [],
  };
}

/** The part of the answer that is about this process. */
export async function answerRunning(directory: Directory, question: RunningQuestion): Promise<RunningAnswer> {
  switch (question.type) {
    case "among":
      return answerOf(question.ids.filter((id) => directory.isInMemory(id)));
    case "page": {
      const { filter, after, limit } = question;
      const ids = [...matching(directory, filter)].map(({ id }) => id).filter((id) => id > after);
      return answerOf(ids.sort().slice(0, limit));
    }
    case "count":
      return { ids: [], count: await count(directory, question.filter) };
  }
}

function answerOf(ids: readonly string[]): RunningAnswer {
  return { ids, count: ids.length };
}

/** Nodes of other releases may answer anything. */
function readAnswer(answer: unknown): RunningAnswer {
  const { ids, count } = answer as Partial<RunningAnswer>;
  return { ids: Array.isArray(ids) ? ids.map(String) : [], count: Number(count ?? 0) };
}

function matching(directory: Directory, filter: RunningFilter): readonly ActorInstance[] {
  const { namespaces } = directory;
  const { name, namespace, keyPrefix } = filter;
  return [...directory.instances()].filter(
    (instance) =>
      (name === undefined ? namespaces.of(instance.name) === namespace : instance.name === name) &&
      encodeKey(instance.key).startsWith(keyPrefix),
  );
}

async function count(directory: Directory, filter: RunningFilter): Promise<number> {
  const instances = matching(directory, filter);
  const records = await Promise.all(instances.map(({ id }) => directory.store.get(id)));
  return records.filter((record) => exists(record) && record.createdAt > filter.createdAfter).length;
}

/** An actor in memory may not be stored yet, or destroyed already. */
export function exists(record: ActorRecord | undefined): record is ActorRecord {
  return record !== undefined && record.destroyedAt === undefined;
}
