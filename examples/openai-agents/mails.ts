/** An agent asks before it sends a mail; the run waits in an actor until a person has decided. */
import { HoldfastSession, openAiAgentsActors } from "@holdfast/openai-agents";
import { Agent, Runner, RunState, setTracingDisabled, tool } from "@openai/agents-core";
import { OpenAIProvider } from "@openai/agents-openai";
import { setup } from "holdfast";
import { z } from "zod";

export const registry = setup({ use: { ...openAiAgentsActors() } });

/** Mails that were sent, for want of a mail server. */
export const outbox: { to: string; text: string }[] = [];

const sendMail = tool({
  name: "mail_send",
  description: "Sends a mail to the customer",
  parameters: z.object({ to: z.string(), text: z.string() }),
  needsApproval: true,
  execute: async (mail) => {
    outbox.push(mail);
    return "The mail was sent.";
  },
});

const clerk = new Agent({ name: "Clerk", instructions: "Help the customer.", tools: [sendMail] });

function createRunner(): Runner {
  setTracingDisabled(true);
  const {
    OPENAI_BASE_URL: baseURL,
    OPENAI_API_KEY: apiKey = "none",
    MODEL: model = "gpt-5-mini",
  } = process.env;
  const modelProvider = new OpenAIProvider({ apiKey, ...(baseURL === undefined ? {} : { baseURL }) });
  return new Runner({ modelProvider, model });
}

/** Returns the answer, or the arguments of the mail that waits for a decision. */
export async function talk(client: typeof registry.client, customer: string, text: string) {
  const session = new HoldfastSession(client, { sessionId: customer });
  const result = await createRunner().run(clerk, text, { session });
  if (result.interruptions.length === 0) return { answer: result.finalOutput };
  await session.saveRun(result.state);
  return { waiting: result.interruptions.map((each) => each.arguments) };
}

/** Goes on with the run that waits. */
export async function decide(client: typeof registry.client, customer: string, approved: boolean) {
  const session = new HoldfastSession(client, { sessionId: customer });
  const text = await session.loadRun();
  if (text === undefined) return { answer: "Nothing waits for a decision." };
  const state = await RunState.fromString(clerk, text);
  for (const each of state.getInterruptions()) approved ? state.approve(each) : state.reject(each);
  const result = await createRunner().run(clerk, state, { session });
  await session.removeRun();
  return { answer: result.finalOutput };
}

if (import.meta.main) {
  const [, , what = "", customer = "ann", text = ""] = process.argv;
  const { client } = registry;
  console.log(
    await (what === "talk" ? talk(client, customer, text) : decide(client, customer, text === "yes")),
  );
  await registry.shutdown();
}
