/** A LangGraph agent drafts a refund, waits for a person, and remembers what was decided. */
import { HoldfastSaver, HoldfastStore, langGraphActors } from "@holdfast/langgraph";
import {
  Annotation,
  Command,
  interrupt,
  type LangGraphRunnableConfig,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { setup } from "holdfast";

const Refund = Annotation.Root({
  customer: Annotation<string>,
  complaint: Annotation<string>,
  draft: Annotation<string>,
  approved: Annotation<boolean>,
});

/** Asks an OpenAI-compatible model. */
async function complete(prompt: string): Promise<string> {
  const response = await fetch(
    `${process.env["MODEL_URL"] ?? "http://127.0.0.1:11434/v1"}/chat/completions`,
    {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${process.env["MODEL_KEY"] ?? "none"}`,
      },
      body: JSON.stringify({
        model: process.env["MODEL"] ?? "local",
        messages: [{ role: "user", content: prompt }],
      }),
    },
  );
  if (!response.ok) throw new Error(`The model answered ${response.status}`);
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]?.message.content ?? "";
}

async function draft({ customer, complaint }: typeof Refund.State, { store }: LangGraphRunnableConfig) {
  const earlier =
    (await store?.search([customer, "refunds"]))?.map(({ value }) => JSON.stringify(value)) ?? [];
  return {
    draft: await complete(`Answer in one sentence: ${complaint}\nEarlier refunds: ${earlier.join(", ")}`),
  };
}

const decide = ({ draft }: typeof Refund.State) => ({ approved: interrupt<string, boolean>(draft) });

async function remember(state: typeof Refund.State, { store }: LangGraphRunnableConfig) {
  const { customer, complaint, approved } = state;
  await store?.put([customer, "refunds"], complaint, { complaint, approved });
  return {};
}

/** The graph, with its data in the actors of a client. */
export function refundGraph(client: typeof registry.client) {
  return new StateGraph(Refund)
    .addNode("write", draft)
    .addNode("decide", decide)
    .addNode("remember", remember)
    .addEdge(START, "write")
    .addEdge("write", "decide")
    .addEdge("decide", "remember")
    .compile({ checkpointer: new HoldfastSaver(client), store: new HoldfastStore(client) });
}

export const registry = setup({ use: { ...langGraphActors() } });

if (import.meta.main) {
  const [, , what = "", customer = "ann", text = ""] = process.argv;
  const thread = { configurable: { thread_id: `refund of ${customer}` } };
  const graph = refundGraph(registry.client);
  if (what === "ask") console.log(await graph.invoke({ customer, complaint: text }, thread));
  else console.log(await graph.invoke(new Command({ resume: text === "yes" }), thread));
  await registry.shutdown();
}
