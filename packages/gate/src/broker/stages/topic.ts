import type { Catalog } from "../catalog.ts";
import { wireTopics } from "../messages/wire.ts";
import { Refusal } from "../refusal.ts";
import type { AddressedCall, ConstructedCall } from "./stage.ts";

/** Stage 2: the topic names a tool that is in the catalog. Which others there are is not told. */
export class TopicStage {
  readonly name = "topic";
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  run(call: ConstructedCall): AddressedCall {
    const { topic } = call.envelope;
    const entry = topic.startsWith(wireTopics.invoke)
      ? this.#catalog.get(topic.slice(wireTopics.invoke.length))
      : undefined;
    if (entry === undefined) throw new Refusal("UNKNOWN_TOOL", "There is no such tool");
    return { ...call, entry };
  }
}
