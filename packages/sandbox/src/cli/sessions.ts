import { countOf, noArguments, oneArgument, parseStrict, required, UsageError } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { printStream } from "./api-acp.ts";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { print, table } from "./output.ts";
import { withQuestions } from "./questions.ts";

export const sessionsUsage = `holdfast sandbox sessions VERB

  list                       the sessions of a server
  new --agent ID             opens one; --cwd DIR, --model M, --mode M
  show ID                    one session
  prompt ID TEXT             gives it a prompt and waits for the end of the turn; what the agent asks
                             meanwhile is told, and in a terminal asked there
  events ID                  its log; --after N, --follow for what comes
  cancel ID                  ends the turn
  permissions ID             what it asks
  answer ID PERMISSION REPLY answers: once, always, reject or the id of an option
  delete ID                  ends it and forgets its log
${apiUsage}`;

export async function sessionsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    ...apiOptions,
    agent: { type: "string" },
    cwd: { type: "string" },
    model: { type: "string" },
    mode: { type: "string" },
    after: { type: "string" },
    follow: { type: "boolean" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${sessionsUsage}\n`);
    return 0;
  }
  const json = values.json === true;
  const client = new ApiClient(values);
  const of = (id: string | undefined, ...more: readonly string[]) =>
    ["/v1/sessions", required(id, "The session"), ...more]
      .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
      .join("/");
  const show = (answer: unknown) =>
    print(json, answer, () => [JSON.stringify(answer, null, 2)].flatMap(lines));
  switch (verb) {
    case "list":
      noArguments(rest);
      print(json, await client.ask("GET", "/v1/sessions"), (answer) =>
        table(entries(answer, "sessions").map((each) => fields(each, "id", "agent", "status", "title"))),
      );
      return 0;
    case "new": {
      noArguments(rest);
      const { agent, cwd, model, mode } = values;
      const body = { agent: required(agent, "--agent"), cwd, model, mode };
      print(json, await client.ask("POST", "/v1/sessions", { body }), (made) => [
        isRecord(made) ? String(made["id"]) : "",
      ]);
      return 0;
    }
    case "show":
      show(await client.ask("GET", of(oneArgument(rest, "The session"))));
      return 0;
    case "prompt": {
      const turn = await prompt(client, values, rest);
      print(json, turn, (each) => [isRecord(each) ? outcome(each) : ""]);
      return isRecord(turn) && turn["status"] === "completed" ? 0 : 1;
    }
    case "events": {
      const id = oneArgument(rest, "The session");
      const after = countOf(values.after, "--after");
      const query = { after: after === undefined ? undefined : String(after) };
      if (values.follow === true) {
        const headers = { accept: "text/event-stream" };
        await printStream(await client.send("GET", of(id, "events"), { query, headers }));
        return 0;
      }
      print(json, await client.ask("GET", of(id, "events"), { query }), (page) =>
        entries(page, "events").map((each) => JSON.stringify(each)),
      );
      return 0;
    }
    case "cancel":
      show(await client.ask("POST", of(oneArgument(rest, "The session"), "cancel"), { body: {} }));
      return 0;
    case "permissions":
      print(
        json,
        await client.ask("GET", of(oneArgument(rest, "The session"), "permissions")),
        permissionTable,
      );
      return 0;
    case "answer": {
      const [id, permission, reply, ...more] = rest;
      noArguments(more);
      const path = of(id, "permissions", required(permission, "The permission"));
      const given = required(reply, "The reply");
      const body = ["once", "always", "reject"].includes(given) ? { reply: given } : { optionId: given };
      show(await client.ask("POST", path, { body }));
      return 0;
    }
    case "delete": {
      const id = oneArgument(rest, "The session");
      await client.send("DELETE", of(id));
      print(json, { id, deleted: true }, () => []);
      return 0;
    }
    default:
      throw new UsageError(verb === undefined ? "The verb is missing" : `There is no "sessions ${verb}"`);
  }
}

/** Gives the prompt and waits for the end of the turn, which may wait for the person itself. */
async function prompt(
  client: ApiClient,
  { endpoint, json }: { readonly endpoint?: string | undefined; readonly json?: boolean | undefined },
  [id, ...words]: readonly string[],
): Promise<unknown> {
  if (id === undefined || words.length === 0) throw new UsageError("The prompt is missing");
  const path = `/v1/sessions/${encodeURIComponent(id)}`;
  const at = endpoint === undefined ? "" : `-e ${endpoint} `;
  const isSeen = json !== true && process.stdin.isTTY && process.stderr.isTTY;
  const options = {
    client,
    path,
    byHand: `holdfast sandbox sessions answer ${at}${id}`,
    terminal: isSeen ? { input: process.stdin } : undefined,
  };
  const body = { prompt: words.join(" ") };
  return await withQuestions(options, () =>
    client.ask("POST", `${path}/prompt`, { query: { wait: "true" }, body }),
  );
}

/** How a turn ended, with the reason where it went wrong. */
function outcome({ stopReason, status, error }: Record<string, unknown>): string {
  const why = isRecord(error) ? `: ${String(error["message"])}` : "";
  return `${String(stopReason ?? status)}${why}`;
}

function permissionTable(answer: unknown): readonly string[] {
  return table(
    entries(answer, "permissions").map((each) => [
      ...fields(each, "id", "state"),
      isRecord(each["toolCall"]) ? String(each["toolCall"]["title"] ?? "") : "",
    ]),
  );
}

export function entries(answer: unknown, name: string): readonly Record<string, unknown>[] {
  const list = isRecord(answer) ? answer[name] : answer;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

export function fields(value: Record<string, unknown>, ...names: readonly string[]): readonly string[] {
  return names.map((name) => String(value[name] ?? ""));
}

export function lines(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n");
}
