import { countOf, noArguments, oneArgument, parseStrict, required, UsageError } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { printStream } from "./api-acp.ts";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { print, table } from "./output.ts";
import { withPermissionPrompts } from "./permission-prompter.ts";

export const sessionsUsage = `holdfast sandbox sessions VERB

  list                        lists the sessions; --archived lists the archived ones
  new --agent ID              creates a session; --cwd DIR, --model M, --mode M
  show ID                     prints a session
  prompt ID TEXT              sends a prompt and waits for the end of the turn; shows the agent's
                              questions, which can be answered in a terminal
  events ID                   prints its log; --after N, --follow
  cancel ID                   cancels the current turn
  permissions ID              lists its permission requests
  answer ID PERMISSION REPLY  answers one with once, always, reject or the id of an option
  archive ID, unarchive ID    takes it off the list, or puts it back
  delete ID                   closes the session and deletes its log
${apiUsage}`;

const sessionOptions = {
  ...apiOptions,
  agent: { type: "string" },
  cwd: { type: "string" },
  model: { type: "string" },
  mode: { type: "string" },
  after: { type: "string" },
  follow: { type: "boolean" },
  archived: { type: "boolean" },
} as const;

export async function sessionsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, sessionOptions);
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
  const show = (result: unknown) =>
    print(json, result, () => [JSON.stringify(result, null, 2)].flatMap(lines));
  switch (verb) {
    case "list":
      noArguments(rest);
      print(json, await listSessions(client, values.archived === true), sessionTable);
      return 0;
    case "new": {
      noArguments(rest);
      const { agent, cwd, model, mode } = values;
      const body = { agent: required(agent, "--agent"), cwd, model, mode };
      print(json, await client.requestJson("POST", "/v1/sessions", { body }), (created) => [
        isRecord(created) ? String(created["id"]) : "",
      ]);
      return 0;
    }
    case "show":
      show(await client.requestJson("GET", of(oneArgument(rest, "The session"))));
      return 0;
    case "prompt": {
      const turn = await sendPrompt(client, values, rest);
      print(json, turn, (each) => [isRecord(each) ? describeOutcome(each) : ""]);
      return isRecord(turn) && turn["status"] === "completed" ? 0 : 1;
    }
    case "events": {
      const id = oneArgument(rest, "The session");
      const after = countOf(values.after, "--after");
      const query = { after: after === undefined ? undefined : String(after) };
      if (values.follow === true) {
        const headers = { accept: "text/event-stream" };
        await printStream(await client.request("GET", of(id, "events"), { query, headers }));
        return 0;
      }
      print(json, await client.requestJson("GET", of(id, "events"), { query }), (page) =>
        entries(page, "events").map((each) => JSON.stringify(each)),
      );
      return 0;
    }
    case "cancel":
      show(await client.requestJson("POST", of(oneArgument(rest, "The session"), "cancel"), { body: {} }));
      return 0;
    case "permissions":
      print(
        json,
        await client.requestJson("GET", of(oneArgument(rest, "The session"), "permissions")),
        permissionTable,
      );
      return 0;
    case "answer": {
      const [id, permission, reply, ...more] = rest;
      noArguments(more);
      const path = of(id, "permissions", required(permission, "The permission"));
      const option = required(reply, "The reply");
      const body = ["once", "always", "reject"].includes(option) ? { reply: option } : { optionId: option };
      show(await client.requestJson("POST", path, { body }));
      return 0;
    }
    case "archive":
    case "unarchive": {
      const body = { archived: verb === "archive" };
      print(
        json,
        await client.requestJson("PATCH", of(oneArgument(rest, "The session")), { body }),
        () => [],
      );
      return 0;
    }
    case "delete": {
      const id = oneArgument(rest, "The session");
      await client.request("DELETE", of(id));
      print(json, { id, deleted: true }, () => []);
      return 0;
    }
    default:
      throw new UsageError(verb === undefined ? "The verb is missing" : `There is no "sessions ${verb}"`);
  }
}

async function listSessions(client: ApiClient, archived: boolean): Promise<unknown> {
  return await client.requestJson("GET", "/v1/sessions", { query: { archived: String(archived) } });
}

function sessionTable(result: unknown): readonly string[] {
  return table(entries(result, "sessions").map((each) => fields(each, "id", "agent", "status", "title")));
}

/** Sends the prompt and waits for the end of the turn. The turn may wait for the user's answers. */
async function sendPrompt(
  client: ApiClient,
  { endpoint, json }: { readonly endpoint?: string | undefined; readonly json?: boolean | undefined },
  [id, ...words]: readonly string[],
): Promise<unknown> {
  if (id === undefined || words.length === 0) throw new UsageError("The prompt is missing");
  const path = `/v1/sessions/${encodeURIComponent(id)}`;
  const endpointFlag = endpoint === undefined ? "" : `-e ${endpoint} `;
  const isInteractive = json !== true && process.stdin.isTTY && process.stderr.isTTY;
  const options = {
    client,
    path,
    answerCommand: `holdfast sandbox sessions answer ${endpointFlag}${id}`,
    terminal: isInteractive ? { input: process.stdin } : undefined,
  };
  const body = { prompt: words.join(" ") };
  return await withPermissionPrompts(options, () =>
    client.requestJson("POST", `${path}/prompt`, { query: { wait: "true" }, body }),
  );
}

/** Describes how a turn ended, with the error of a failed one. */
function describeOutcome({ stopReason, status, error }: Record<string, unknown>): string {
  const why = isRecord(error) ? `: ${String(error["message"])}` : "";
  return `${String(stopReason ?? status)}${why}`;
}

function permissionTable(result: unknown): readonly string[] {
  return table(
    entries(result, "permissions").map((each) => [
      ...fields(each, "id", "state"),
      isRecord(each["toolCall"]) ? String(each["toolCall"]["title"] ?? "") : "",
    ]),
  );
}

/** Returns the objects in the array `name` of a result. An array result is returned itself. */
export function entries(result: unknown, name: string): readonly Record<string, unknown>[] {
  const list = isRecord(result) ? result[name] : result;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** Returns the named fields as table cells. */
export function fields(value: Record<string, unknown>, ...names: readonly string[]): readonly string[] {
  return names.map((name) => String(value[name] ?? ""));
}

export function lines(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n");
}
