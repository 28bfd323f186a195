import type { Audit } from "../../audit/audit.ts";
import type { Executed, Executor } from "../executor.ts";
import { Refusal } from "../refusal.ts";
import type { ToolProgress } from "../tool.ts";
import type { ConfirmedCall } from "./stage.ts";

export interface RouteParts {
  readonly audit: Audit;
  readonly executor: Executor;
}

/**
 * Stage 6: calls the tool's source. The audit log gets a record before and after; without the first, the call is not
 * made.
 */
export class RouteStage {
  readonly name = "route";
  readonly #parts: RouteParts;

  constructor(parts: RouteParts) {
    this.#parts = parts;
  }

  async run(
    call: ConfirmedCall,
    signal: AbortSignal,
    onProgress: (progress: ToolProgress) => void,
  ): Promise<Executed> {
    const { entry, envelope, principal } = call;
    const { jailId, session } = principal;
    const about = { call: envelope.id, tool: entry.tool.name, correlation: envelope.correlation };
    try {
      await this.#parts.audit.append({
        type: "tool.call",
        jailId,
        session,
        data: {
          ...about,
          plugin: entry.tool.plugin,
          version: entry.tool.pluginVersion,
          group: principal.group,
          rule: call.rule,
          ...call.auditData,
          bytes: call.bytes,
          ...(call.approval === undefined ? {} : { approval: call.approval }),
        },
      });
    } catch {
      throw new Refusal(
        "PLUGIN_UNAVAILABLE",
        "The call could not be recorded in the audit log, so it was not made",
      );
    }
    // The record says that the call was about to be made. A call cancelled since then has no effect.
    const executed = await this.#parts.executor.run(call, signal, onProgress);
    // The outcome is returned without waiting for its record; the record of the start is already on disk.
    void this.#parts.audit.note({
      type: "tool.result",
      jailId,
      session,
      data: {
        ...about,
        ok: executed.error === null,
        ...(executed.error === null ? {} : { code: executed.error.code }),
        bytes: Buffer.byteLength(executed.text),
        redactions: executed.redactions,
        ...(executed.flags === 0 ? {} : { highEntropy: executed.flags }),
        ...(executed.incident === undefined ? {} : { incident: executed.incident }),
      },
    });
    return executed;
  }
}
