/** A model that reports the usage that a request names, and an agent that calls it. */
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { UsageReport } from "../../src/contract/usage.ts";
import type { StudioClient } from "../../src/index.ts";

/** A model server. Requests for the model "held" are answered by `release` alone. */
export interface ReportingModel {
  readonly url: string;
  readonly calls: () => number;
  /** Resolves when a call is held. */
  held(): Promise<void>;
  release(): void;
}

interface Reported {
  readonly model: string;
  readonly input: number;
  readonly output: number;
}

export async function startModel(t: { after(end: () => unknown): void }): Promise<ReportingModel> {
  let calls = 0;
  const waiting: (() => void)[] = [];
  let held = Promise.withResolvers<void>();
  const server: Server = createServer((request, response) => {
    void json(request).then((body) => {
      calls += 1;
      const { report } = body as { readonly report: Reported };
      if (report.model !== "held") return answer(response, report);
      waiting.push(() => answer(response, report));
      held.resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the model has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls: () => calls,
    held: () => held.promise,
    release: () => {
      held = Promise.withResolvers();
      for (const each of waiting.splice(0)) each();
    },
  };
}

function answer(response: ServerResponse, { model, input, output }: Reported): void {
  response.writeHead(200, { "content-type": "application/json" });
  const usage = { promptTokenCount: input, candidatesTokenCount: output };
  response.end(JSON.stringify({ modelVersion: model, candidates: [], usageMetadata: usage }));
}

/** The variables with which a Studio finds the agent "gemini", which is the one of this folder, and its model. */
export function modelEnvironment(folder: string, model: ReportingModel): Readonly<Record<string, string>> {
  const programs = join(folder, "programs");
  mkdirSync(programs, { recursive: true });
  const program = join(programs, "gemini");
  copyFileSync(fileURLToPath(new URL("../fixtures/model-agent.mjs", import.meta.url)), program);
  chmodSync(program, 0o755);
  return {
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
    GEMINI_API_KEY: "canary-0123456789abcdef",
    HOLDFAST_GOOGLE_BASE_URL: model.url,
  };
}

/** A report, once it satisfies `is`: what is used arrives with events. */
export async function untilReport(
  client: StudioClient,
  by: UsageReport["by"],
  is: (report: UsageReport) => boolean,
): Promise<UsageReport> {
  const changed = Promise.withResolvers<void>();
  let wake = changed;
  const watch = await client.usage.on("changed", () => wake.resolve());
  const late = AbortSignal.timeout(60_000);
  try {
    for (;;) {
      wake = Promise.withResolvers<void>();
      const report = await client.usage.report({ by });
      if (is(report)) return report;
      const timeout = new Promise<never>((_resolve, reject) => {
        late.addEventListener("abort", () => reject(new Error(`the last report: ${JSON.stringify(report)}`)));
      });
      await Promise.race([wake.promise, timeout]);
    }
  } finally {
    await watch.close();
  }
}
