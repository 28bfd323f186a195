import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type { PluginName } from "./manifest/names.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { unavailable } from "./process/plugin-process.ts";
import type { ErrorPayload, PublishedEvent } from "./runtime/api.ts";
import type { InvocationContext } from "./runtime/messages.ts";

/** A call of a tool of a plugin whose data all nodes share. */
export interface SharedPluginCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly context: InvocationContext;
}

/** The answer to such a call: a result, or the plugin's own error. */
export type SharedPluginAnswer =
  | { readonly type: "result"; readonly result: unknown; readonly untrusted?: boolean }
  | { readonly type: "error"; readonly error: ErrorPayload };

/** Something that shared data needs a plugin's process for. No manifest has it as a tool, so no agent can call it. */
export interface SharedPluginWork {
  readonly name: string;
  readonly group: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What the shared data of plugins asks of the gate of the node that serves the data. */
export interface SharedPluginHost {
  /** Publishes an event as the plugin. Rejects if it was not accepted: publish it again. */
  publish(plugin: string, event: PublishedEvent): Promise<void>;
  /** Has the plugin's process do some work. Rejects if it could not answer: whether it was done is unknown. */
  perform(plugin: string, work: SharedPluginWork): Promise<SharedPluginAnswer>;
}

/**
 * Built-in plugins whose data is in the store of all nodes, and not in a folder of one machine. Their tools are answered
 * there; a process runs only for what the data needs one for. What an answer says is durable.
 */
export interface SharedPlugins {
  /** Whether it answers for this built-in plugin. */
  has(plugin: string): boolean;
  /** Throws when the data cannot be reached: the call may have had its effect or not. */
  invoke(plugin: string, call: SharedPluginCall, signal: AbortSignal): Promise<SharedPluginAnswer>;
  /** Reads some data. Throws when it cannot be reached. */
  verify(plugin: string): Promise<void>;
  /**
   * Moves what the plugin kept in this folder before the node was in a cluster into the shared data, and keeps the files
   * under other names. May end at any point and be repeated. Returns the number of entries.
   */
  moveIn(plugin: string, directory: string): Promise<number>;
  /** Gives the data that this node serves its way to the gate. Returns the function that ends it. */
  attach(host: SharedPluginHost): () => void;
}

/** What answers for this plugin in place of its process; undefined for a plugin with data of its own. */
export function sharedDataOf(
  shared: SharedPlugins | undefined,
  { name, source }: Pick<PluginFolder, "name" | "source">,
): SharedPlugins | undefined {
  return source === "built-in" && shared?.has(name) === true ? shared : undefined;
}

export interface SharedCallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Throws `plugin.unavailable`, `plugin.timeout`, `internal.internal_error`, and the reason of an abort. */
export async function callShared(
  shared: SharedPlugins,
  plugin: string,
  call: SharedPluginCall,
  { timeoutMs, signal, log }: SharedCallOptions,
): Promise<SharedPluginAnswer> {
  signal.throwIfAborted();
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await shared.invoke(plugin, call, AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    // The plugin's code failed; the log of the node that ran it says how.
    if (isErrorCode(error, "internal", "internal_error")) throw error;
    if (late.aborted)
      throw new HoldfastError("plugin", "timeout", `The plugin did not answer within ${timeoutMs} ms`, {
        statusCode: 504,
      });
    log.warn("the shared data of a plugin could not be reached", { plugin, tool: call.tool, error });
    throw unavailable(
      `The data of the plugin ${plugin} cannot be reached now. The call may have had its effect or not: look before you repeat it`,
      pluginLimits.sharedRetryMs,
    );
  }
}

/** What plugins kept before this node was in a cluster becomes shared. What fails stays, and is tried at the next start. */
export async function moveEarlierData(
  plugins: readonly PluginFolder[],
  directoryOf: (name: PluginName) => string,
  { shared, audit, log }: { readonly shared?: SharedPlugins; readonly audit: Audit; readonly log: Logger },
): Promise<void> {
  for (const plugin of plugins) {
    const { name } = plugin;
    try {
      const entries = (await sharedDataOf(shared, plugin)?.moveIn(name, directoryOf(name))) ?? 0;
      if (entries > 0) await audit.note({ type: "plugin.data_moved", data: { plugin: name, entries } });
    } catch (error) {
      log.error(
        "data of a plugin from before this node was in a cluster stays where it is; the next start tries again",
        {
          ...{ plugin: name, error: String(error) },
        },
      );
    }
  }
}
