import type { Catalog } from "../catalog.ts";
import { wireTopics } from "../messages/wire.ts";
import { Refusal } from "../refusal.ts";
import type { AddressedCall, ConstructedCall } from "./stage.ts";

/** Stage 2: finds the tool that the topic names. The error does not reveal other tools. */
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
    if (entry === undefined)
      throw new Refusal("UNKNOWN_TOOL", "No such tool. tool.list lists the available ones");
    return { ...call, entry };
  }
}
