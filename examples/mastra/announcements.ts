/** An agent writes an announcement, and a workflow waits until a person has decided whether it is published. */
import { HoldfastStorage, mastraActors } from "@holdfast/mastra";
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { setup } from "holdfast";
import { z } from "zod";

export const registry = setup({ use: { ...mastraActors() } });

function createAnnouncements() {
  const {
    MODEL_URL: url = "http://127.0.0.1:11434/v1",
    MODEL_KEY: apiKey = "none",
    MODEL = "local",
  } = process.env;
  const model = { id: `local/${MODEL}`, url, apiKey } as const;
  const writer = new Agent({ id: "writer", name: "Writer", instructions: "Write one sentence.", model });
  const write = createStep({
    id: "write",
    inputSchema: z.object({ news: z.string() }),
    outputSchema: z.object({ text: z.string() }),
    execute: async ({ inputData }) => ({ text: (await writer.generate(inputData.news)).text }),
  });
  const decide = createStep({
    id: "decide",
    inputSchema: z.object({ text: z.string() }),
    outputSchema: z.object({ text: z.string(), published: z.boolean() }),
    suspendSchema: z.object({ text: z.string() }),
    resumeSchema: z.object({ approved: z.boolean() }),
    execute: async ({ inputData: { text }, resumeData, suspend }) =>
      resumeData === undefined ? await suspend({ text }) : { text, published: resumeData.approved },
  });
  return createWorkflow({
    id: "announcements",
    inputSchema: z.object({ news: z.string() }),
    outputSchema: z.object({ text: z.string(), published: z.boolean() }),
  })
    .then(write)
    .then(decide)
    .commit();
}

/** The workflow, with its runs in the actors of a client. */
export function announcements(client: typeof registry.client) {
  const storage = new HoldfastStorage(client);
  const mastra = new Mastra({ workflows: { announcements: createAnnouncements() }, storage, logger: false });
  return mastra.getWorkflow("announcements");
}

if (import.meta.main) {
  const [, , what = "", runId = "monday", text = ""] = process.argv;
  const run = await announcements(registry.client).createRun({ runId });
  if (what === "write") console.log((await run.start({ inputData: { news: text } })).steps);
  else console.log(await run.resume({ step: "decide", resumeData: { approved: text === "yes" } }));
  await registry.shutdown();
}
