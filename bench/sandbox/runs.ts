/** Fifty parallel commands, from the first request to the last answer. */
import { ensure, interleave, least, median, type Outcome, type Scenario } from "../internal/scenario.ts";
import { expectJson } from "./client.ts";
import { type SandboxServer, withServers } from "./servers.ts";

const parallel = 50;
const batches = 4;

export const runs: Scenario = { name: "runs-50", run: measure };

async function measure(): Promise<Outcome> {
  return await withServers(async (servers, notes) => {
    for (const server of servers.values()) {
      const said = await run(server, "/bin/sh", ["-c", "echo out; echo err >&2; exit 3"]);
      const right = said["exitCode"] === 3 && said["stdout"] === "out\n" && said["stderr"] === "err\n";
      ensure(right, `a run answered ${JSON.stringify(said)}`);
    }
    const samples = await interleave(
      Object.fromEntries([...servers].map(([key, server]) => [key, () => rounds(server)])),
    );
    const figures = Object.entries(samples).map(([key, values]) => ({
      name: key,
      value: least(values.flat()),
      unit: "ms" as const,
      detail: `median ${median(values.flat()).toFixed(1)} ms for ${parallel} at once`,
    }));
    const best = (key: string): number => least((samples[key] ?? []).flat());
    const floors = servers.has("peer")
      ? [
          {
            name: "fifty runs",
            value: best("ours"),
            // The peer is Rust; see "Where Rust wins" in docs/explanation/performance.md.
            limit: 2 * best("peer"),
            unit: "ms",
            better: "less",
          } as const,
        ]
      : [];
    return { figures, floors, samples, notes };
  });
}

async function rounds(server: SandboxServer): Promise<number[]> {
  const times: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: parallel }, () => run(server, "/bin/true", [])));
    times.push(performance.now() - startedAt);
    ensure(
      answers.every((answer) => answer["exitCode"] === 0),
      "a run failed",
    );
  }
  return times;
}

function run(server: SandboxServer, command: string, args: readonly string[]) {
  return expectJson(server.port, 200, "POST", "/v1/processes/run", { command, args });
}
