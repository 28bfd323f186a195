import type { Logger } from "@holdfast/core";
import type { SharedPluginAnswer, SharedPluginCall, SharedPluginHost, SharedPlugins } from "@holdfast/gate";
import type { EarlierRows } from "../earlier-data/earlier-rows.ts";
import { moveEarlierData } from "../earlier-data/move-data.ts";
import type { LocalGate } from "../local-gate.ts";
import { type GateActors, keyPart, repeatOnce } from "./calls.ts";

/** The built-in plugins whose data is in actors, each with the actor that has the data of one group. */
const pluginActors: ReadonlyMap<string, string> = new Map([
  ["memory", "groupMemory"],
  ["scheduler", "groupSchedules"],
  ["notify", "groupNotices"],
]);

export interface PluginOptions {
  /** Leads the actors of this process to its gate. */
  readonly gate: LocalGate;
  /** The groups that the node has settings of. */
  readonly groups: () => readonly string[];
  readonly log: Logger;
}

export class ActorPlugins implements SharedPlugins {
  readonly #actors: GateActors;
  readonly #options: PluginOptions;

  constructor(actors: GateActors, options: PluginOptions) {
    this.#actors = actors;
    this.#options = options;
  }

  has(plugin: string): boolean {
    return pluginActors.has(plugin);
  }

  invoke(plugin: string, call: SharedPluginCall, signal: AbortSignal): Promise<SharedPluginAnswer> {
    const key = [keyPart(call.context.group)];
    return this.#actors.callFor(signal, this.#actorOf(plugin), key, "invoke", call);
  }

  verify(plugin: string): Promise<void> {
    return this.#actors.call(this.#actorOf(plugin), ["verify"], "verify");
  }

  attach(host: SharedPluginHost): () => void {
    return this.#options.gate.attach(host);
  }

  moveIn(plugin: string, directory: string): Promise<number> {
    const { groups, log } = this.#options;
    const takeOver = (group: string, rows: EarlierRows<unknown>): Promise<number> =>
      this.#actors.call(this.#actorOf(plugin), [keyPart(group)], "takeOver", group, rows);
    return moveEarlierData(plugin, directory, {
      groups: [...new Set([...groups(), "default", "verify"])],
      target: { takeOver: (group, rows) => repeatOnce(() => takeOver(group, rows)) },
      log,
    });
  }

  #actorOf(plugin: string): string {
    const name = pluginActors.get(plugin);
    if (name === undefined) throw new Error(`The nodes share no data of the plugin ${plugin}`);
    return name;
  }
}
