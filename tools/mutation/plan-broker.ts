/** Mutants of the broker: the six stages, the checks before them and around handlers, and the endpoint process. */
import { withEdits, withoutGuards, withoutLimits, withoutMembers } from "./mutant.ts";
import { attacks, beside, gate, guards, limits, mutants, type Planned, test } from "./planned.ts";

const file = (name: string) => `${gate}broker/${name}.ts`;
const live = test("broker");
const hostile = test("broker-hostile");
const approvals = test("broker-hostile", "^an approval in the broker|used up after a restart");

/** Removes each stage from the pipeline. */
function stages(): Planned[] {
  return [
    ...mutants(
      [live, test("policy"), approvals, hostile],
      file("jail-broker"),
      withEdits([
        ["the stage payload", "pipeline.payload.run(pipeline.topic.run(call))", "pipeline.topic.run(call)"],
        [
          "the stage authorize",
          "pipeline.authorize.run(checked, this.offered)",
          '({ ...checked, rule: "none", ask: undefined, auditData: {} })',
        ],
        [
          "the stage confirm",
          "await pipeline.confirm.run(authorized, signal, (",
          "await ((each) => ({ ...each, approval: undefined }))(authorized, signal, (",
        ],
        ["what a call has cost", "rates.charge(this.principal,", "((..._ignored) => {})(this.principal,"],
        ["the end of calls with their jail", "if (rule === null) this.#calls.cancel(", "(() => {})("],
        ["the group of the host", "group: this.principal.group,\n    });", 'group: "",\n    });'],
      ]),
    ),
    ...mutants(
      [beside("broker/pipeline"), live, hostile],
      file("stages/route"),
      withEdits([
        ["the record before", "await this.#parts.audit.append({", "void ({"],
        ["the record after", "void this.#parts.audit.note({", "void ({"],
      ]),
    ),
    ...mutants(
      [beside("broker/stages/confirm"), live, test("policy"), approvals],
      file("stages/confirm"),
      withEdits([
        ["the policy asked again", "decideCall(this.#parts, call);", ""],
        ["a denial", 'case "denied":\n        throw', 'case "denied":\n        if (Date.now() < 0) throw'],
        ["using it up", "(await this.#parts.approvals.consume(answered.id, request)).id", "answered.id"],
        ["the session", "session: call.principal.session,", 'session: "any",'],
        ["the version", "version: tool.pluginVersion,", 'version: "any",'],
        ["the arguments", "arguments: call.envelope.payload.arguments,", "arguments: {},"],
        ["the memory of a denial", "denialHolds: true,", "denialHolds: false,"],
      ]),
    ),
    ...mutants(
      [beside("broker/stages/authorize"), live, test("policy"), approvals],
      file("stages/authorize"),
      withEdits([
        [
          "a policy that forbids",
          'case "deny":\n      throw',
          'case "deny":\n      if (Date.now() < 0) throw',
        ],
        ["a policy that asks", 'decision.action === "allow" ? undefined : decision', "undefined"],
        ["the list of the jail", "(offered === undefined || offered.has(tool.name)) &&", ""],
        [
          "the groups of a tool",
          "(tool.allowedGroups === undefined || tool.allowedGroups.includes(group))",
          "true",
        ],
      ]),
    ),
  ];
}

/** Checks around handlers, and the broker's components. */
function handling(): Planned[] {
  return [
    ...mutants(
      [beside("broker/executor"), live, approvals],
      file("executor"),
      withEdits([
        [
          "the time of a handler",
          "setTimeout(() => stop(timedOut), timeoutMs)",
          "setTimeout(() => {}, timeoutMs)",
        ],
        ["cancelling", 'caller.addEventListener("abort", onCancel, { once: true });', ""],
        ["taint by a tool", "if (tool.untrusted === true)", "if (Date.now() < 0)"],
        ["taint by a result", "outcome?.ok === true && outcome.untrusted === true", "Date.now() < 0"],
        ["cleaning of progress", "cut(clean(message),", "cut(message,"],
        ["the bound of progress", "if (events > brokerLimits.maxProgressEvents) return;", ""],
        ["the bound of a result", "Buffer.byteLength(text) > most", "Date.now() < 0"],
        [
          "cleaning of results",
          "...this.#parts.sanitizer.json(text, plain)",
          "...{ text, redactions: 0, flags: 0 }",
        ],
        ["cleaning of errors", "cut(sanitizer.text(message),", "cut(message,"],
        [
          "whole characters of a result",
          'wellFormed(JSON.stringify(outcome.result) ?? "null")',
          'JSON.stringify(outcome.result) ?? "null"',
        ],
        ["whole characters of other words", "slice(0, most).toWellFormed()", "slice(0, most)"],
        ["the gate's own codes", "!pipelineCodes.has(code)", "true"],
        ["silence about errors", "`The tool failed; the gate's log has the error ", "String(error) + `"],
      ]),
    ),
    ...mutants(
      [beside("broker/start"), live, approvals],
      file("broker"),
      withEdits([
        ["the assertion at start", "assertRealStages(this.#pipeline, executor);", ""],
        [
          "the mark of outside",
          "if (!this.taint.mark(taintKey(principal), reason, this.#parts.clock.now())) return;",
          "",
        ],
      ]),
    ),
  ];
}

export function broker(): Planned[] {
  const frames = [test("broker-frames"), live];
  const sockets = [test("broker-sockets"), attacks("protocol.foreign_process", "protocol.frames"), hostile];
  return [
    ...mutants([limits], file("broker-limits"), (path, text) => [
      ...withoutLimits(path, text, "brokerLimits"),
      ...withoutLimits(path, text, "endpointLimits"),
    ]),
    ...stages(),
    ...handling(),
    ...guards(
      [beside("broker/messages/strict-json"), beside("egress/metering/model-request"), ...frames],
      "broker/messages/strict-json",
    ),
    ...guards(frames, "broker/stages/construct"),
    ...guards([beside("broker/rates/rate-limiter"), live], "broker/rates/rate-limiter"),
    ...mutants(
      [beside("broker/rates/rate-limiter")],
      file("rates/rate-limiter"),
      withEdits([
        ["the bound of what is kept", "if (this.#buckets.size >= maxBuckets) this.#makeRoom(now);", ""],
        ["the memory of debts", "all.sort((a, b) => a.fullInMs - b.fullInMs);", ""],
      ]),
    ),
    ...guards(
      [live, approvals, beside("broker/stages/confirm"), attacks("protocol.approval")],
      ...["topic", "payload", "authorize", "confirm", "route"].map((stage) => `broker/stages/${stage}`),
    ),
    ...guards([live, beside("broker/executor"), attacks("protocol.results")], "broker/executor"),
    ...guards([live, hostile], "broker/call-cache", "broker/jail-broker"),
    ...guards([test("broker-open"), live, hostile], "broker/broker"),
    ...guards(
      [beside("broker/catalog"), beside("broker/messages/schema")],
      "broker/catalog",
      "broker/messages/schema",
    ),
    ...guards([beside("broker/pipeline")], "broker/pipeline"),
    ...guards([beside("broker/messages/sanitizer")], "broker/messages/sanitizer"),
    ...guards([beside("broker/taint"), approvals], "broker/taint"),
    ...mutants(
      [beside("broker/taint"), approvals],
      file("taint"),
      withEdits([["taint on disk", ".run(session, firstReason, at)", ".columns().slice(0, at - at)"]]),
    ),
    ...mutants([beside("broker/messages/sanitizer")], file("messages/secret-patterns"), withoutPatterns),
    ...mutants(
      [beside("broker/messages/sanitizer")],
      file("messages/sanitizer"),
      withEdits([
        ["known values", "this.#secrets.matcher.find(joined).length > 0 ||", ""],
        ["patterns", "|| likelyPatterns(joined).length > 0", ""],
        ["keys", "&& !this.#suspects(joinedKeys)", ""],
      ]),
    ),
    ...["peer-check", "connection-slots"].flatMap((part) =>
      mutants([beside(`broker/endpoint/${part}`), ...sockets], file(`endpoint/${part}`), withoutGuards),
    ),
    ...mutants(
      [beside("broker/endpoint/connection-slots")],
      file("endpoint/connection-slots"),
      withEdits([
        ["those who are being asked", "this.#held + this.#taken.length >=", "this.#held >="],
        ["those who stay", "this.#held += 1;", ""],
        ["the time of a handshake", "this.#taken.filter((at) => at > since)", "[]"],
        ["an end that is told twice", "Math.max(this.#held - 1, 0)", "this.#held - 1"],
      ]),
    ),
    ...["peer-gate", "guarded-sockets", "endpoint-process"].flatMap((part) =>
      mutants(sockets, file(`endpoint/${part}`), withoutGuards),
    ),
    ...memoryOfEndpoint(),
    ...mutants(sockets, file("endpoint/guarded-sockets"), (path, text) =>
      withoutMembers(path, text, "guards"),
    ),
    ...guards([beside("broker/endpoint/channel"), ...sockets], "broker/endpoint/channel"),
    ...guards(
      [beside("broker/endpoint/endpoint"), test("no-descriptors"), ...sockets],
      "broker/endpoint/endpoint",
    ),
  ];
}

/** Without any bound the mutant would take the memory of the machine that tries it. */
function memoryOfEndpoint(): Planned[] {
  const bound = "grown < endpointLimits.maxGrowthBytes";
  return mutants(
    [test("broker-hostile", "sends parts of a message without end")],
    file("endpoint/endpoint-process"),
    withEdits([["the bound of memory", bound, "grown < 4 * endpointLimits.maxGrowthBytes"]]),
  );
}

/** Removes each secret pattern. */
function withoutPatterns(path: string, text: string) {
  const start = text.indexOf("export const secretPatterns");
  return [
    ...text
      .slice(start)
      .matchAll(/^ {2}\{(?: name: "([\w-]+)".*|\n {4}name: "([\w-]+)",\n[\s\S]*?\n {2}\}),\n/gm),
  ].map((entry) => ({
    id: `pattern ${entry[1] ?? entry[2]}`,
    file: path,
    source: text.slice(0, start + entry.index) + text.slice(start + entry.index + entry[0].length),
  }));
}
