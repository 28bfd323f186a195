import { Refusal } from "../refusal.ts";
import type { AddressedCall } from "./stage.ts";

/** Stage 3: validates the arguments against the tool's schema, which was compiled at registration. */
export class PayloadStage {
  readonly name = "payload";

  run(call: AddressedCall): AddressedCall {
    const problem = call.entry.checkArguments(call.envelope.payload.arguments);
    if (problem === undefined) return call;
    const { field, message } = problem;
    throw new Refusal("VALIDATION_FAILED", message, field === "" ? {} : { field });
  }
}
