/** Groups: agents with memory and events. */
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

/** The name of the file in a data directory. */
export const groupsFile = "groups.json";

/** Which session answers an event: a new one, the last one, or the one that the channel's plugin names. */
export type SessionMode = "fresh" | "resume" | "explicit";

export interface WebhookSettings {
  /** The last part of its address: `/hooks/GROUP/NAME`. */
  readonly name: string;
  /** Name of a secret of the vault (`holdfast secrets set NAME`). */
  readonly secret: string;
  /** What the agent is to do with what comes; the operator's own words. */
  readonly prompt: string;
}

/** One group: an agent with sessions, memory and tools of its own. */
export interface GroupSettings {
  readonly name: string;
  readonly description: string;
  readonly agent: string;
  /** A local git repository, or "sample"; without it the group has one of its own. */
  readonly repository?: string;
  /** Names of tools, or patterns with `*`; every tool without it. */
  readonly tools?: readonly string[];
  /** "fresh" by default. What a plugin's manifest says counts for its own events. */
  readonly session: SessionMode;
  /** Topics of plugins that begin a turn, or patterns that end in `*`. */
  readonly events: readonly string[];
  /** Plugins whose events are taken; every plugin without it. */
  readonly plugins?: readonly string[];
  readonly webhooks: readonly WebhookSettings[];
  /** Whether a new session is told what the memory of the group holds. True by default. */
  readonly memory: boolean;
}

/** The topics that begin a turn where a group names none. */
export const defaultTopics = ["task.triggered", "message.inbound", "mail.received"] as const;

type Fields = Readonly<Record<string, unknown>>;

function invalid(path: string, problem: string): HoldfastError {
  const place = path === "" ? "" : ` at ${path}`;
  return new HoldfastError("group", "invalid_file", `${groupsFile} cannot be used${place}: ${problem}`, {
    statusCode: 400,
    metadata: { path, problem },
  });
}

const groupName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const plainName = /^[a-z][a-z0-9_-]{0,63}$/;
const secretName = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const toolPattern = /^[a-z*?][a-z0-9_*?]{0,127}$/;
const topicPattern = /^[a-z][a-z0-9_.]{0,127}\*?$/;
const groupFields = [
  "description",
  "agent",
  "repository",
  "tools",
  "session",
  "events",
  "plugins",
  "webhooks",
  "memory",
];

/** Reads `groups.json`, strictly: an unknown field is an error. Throws `group.invalid_file`. */
export function parseGroups(text: string): ReadonlyMap<string, GroupSettings> {
  if (Buffer.byteLength(text) > studioLimits.maxGroupsFileBytes)
    throw invalid("", `it is larger than ${studioLimits.maxGroupsFileBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("", "it is not JSON");
  }
  const file = fieldsOf(value, "", ["version", "groups"]);
  if (file["version"] !== 1) throw invalid("/version", "the version is 1");
  const groups = Object.entries(recordOf(file["groups"], "/groups"));
  if (groups.length > studioLimits.maxGroups)
    throw invalid("/groups", `there are at most ${studioLimits.maxGroups}`);
  return new Map(groups.map(([name, each]) => [name, groupOf(name, each, `/groups/${name}`)]));
}

function groupOf(name: string, value: unknown, path: string): GroupSettings {
  if (!groupName.test(name)) throw invalid(path, "a name has letters, digits, dot, dash and underscore");
  const fields = fieldsOf(value, path, groupFields);
  const { repository, tools, plugins, session = "fresh", memory = true } = fields;
  if (session !== "fresh" && session !== "resume" && session !== "explicit")
    throw invalid(`${path}/session`, "it is fresh, resume or explicit");
  if (typeof memory !== "boolean") throw invalid(`${path}/memory`, "it is true or false");
  return {
    name,
    description: textOf(fields["description"] ?? "", `${path}/description`, 300),
    agent: required(fields["agent"], `${path}/agent`, /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
    ...(repository === undefined ? {} : { repository: repositoryOf(repository, `${path}/repository`) }),
    ...(tools === undefined ? {} : { tools: listOf(tools, `${path}/tools`, toolPattern) }),
    session,
    events: listOf(fields["events"] ?? defaultTopics, `${path}/events`, topicPattern),
    ...(plugins === undefined ? {} : { plugins: listOf(plugins, `${path}/plugins`, plainName) }),
    webhooks: webhooksOf(fields["webhooks"] ?? {}, `${path}/webhooks`),
    memory,
  };
}

function webhooksOf(value: unknown, path: string): readonly WebhookSettings[] {
  const hooks = Object.entries(recordOf(value, path));
  if (hooks.length > studioLimits.maxWebhooks)
    throw invalid(path, `there are at most ${studioLimits.maxWebhooks}`);
  return hooks.map(([name, each]) => {
    const at = `${path}/${name}`;
    if (!plainName.test(name)) throw invalid(at, "a name has small letters, digits, dash and underscore");
    const fields = fieldsOf(each, at, ["secret", "prompt"]);
    const secret = required(fields["secret"], `${at}/secret`, secretName);
    const prompt = textOf(fields["prompt"], `${at}/prompt`, studioLimits.maxWebhookPromptCharacters);
    if (prompt.trim() === "") throw invalid(`${at}/prompt`, "it says what to do with what comes");
    return { name, secret, prompt };
  });
}

function repositoryOf(value: unknown, path: string): string {
  const text = textOf(value, path, 4_096);
  if (text === "sample" || (text.startsWith("/") && !text.includes("\0"))) return text;
  throw invalid(path, 'it is an absolute path, or "sample"');
}

function recordOf(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid(path, "this is an object");
}

function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  const fields = recordOf(value, path);
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) throw invalid(`${path}/${name}`, "nothing of this name is known");
  }
  return fields;
}

function textOf(value: unknown, path: string, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalid(path, `this is text of at most ${max} characters`);
}

function required(value: unknown, path: string, pattern: RegExp): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw invalid(path, "it is missing, or not plainly named");
}

function listOf(value: unknown, path: string, pattern: RegExp): readonly string[] {
  if (!Array.isArray(value) || value.length > 64) throw invalid(path, "this is a list of at most 64");
  return value.map((each, at) => required(each, `${path}/${at}`, pattern));
}
