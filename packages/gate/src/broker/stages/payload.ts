import { Refusal } from "../refusal.ts";
import type { AddressedCall } from "./stage.ts";

/** Stage 3: the arguments are as the schema of the tool says, which was compiled when it was registered. */
export class PayloadStage {
  readonly name = "payload";

  run(call: AddressedCall): AddressedCall {
    const problem = call.entry.checkArguments(call.envelope.payload.arguments);
    if (problem === undefined) return call;
    const { field, message } = problem;
    throw new Refusal("VALIDATION_FAILED", message, field === "" ? {} : { field });
  }
}
