import { HoldfastError } from "@holdfast/core";
import type { RunnableConfig } from "@langchain/core/runnables";
import { getCheckpointId } from "@langchain/langgraph-checkpoint";

/** The thread of a config; undefined if it names none. Throws `langgraph.invalid_config`. */
export function threadOf(config: RunnableConfig): string | undefined {
  const thread: unknown = config.configurable?.["thread_id"];
  if (thread === undefined || thread === null) return undefined;
  if (typeof thread === "string" && thread !== "") return thread;
  throw invalid("the thread_id is not a text with at least one character");
}

export function requiredThread(config: RunnableConfig): string {
  const thread = threadOf(config);
  if (thread !== undefined) return thread;
  throw invalid(
    'there is no thread_id. Name the thread: graph.invoke(input, { configurable: { thread_id: "..." } })',
  );
}

export function namespaceOf(config: RunnableConfig): string {
  const namespace: unknown = config.configurable?.["checkpoint_ns"] ?? "";
  if (typeof namespace === "string") return namespace;
  throw invalid("the checkpoint_ns is not a text");
}

export function checkpointIdOf(config: RunnableConfig): string | undefined {
  const id = getCheckpointId(config);
  return id === "" ? undefined : id;
}

export function requiredCheckpointId(config: RunnableConfig): string {
  const id = checkpointIdOf(config);
  if (id !== undefined) return id;
  throw invalid("there is no checkpoint_id, which writes belong to");
}

function invalid(why: string): HoldfastError {
  return new HoldfastError("langgraph", "invalid_config", `The config of the graph cannot be used: ${why}`, {
    statusCode: 400,
  });
}
